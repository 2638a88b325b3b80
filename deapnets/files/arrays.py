"""Arrays from the files that people have: pictures, IDX, and numpy's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from deapnets.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

ENDINGS = ("png", "jpg", "jpeg", "bmp", "gif", "tif", "tiff", "webp")
"""Of pictures. Everything else but .npy is read as IDX, whose files have any name."""


def read_values(path: str | Path) -> np.ndarray:
    """Return what a file holds: ``[n, ...]``.

    A picture is one row: ``uint8`` ``[1, height, width]`` when it is grey, and
    ``[1, height, width, 3]`` otherwise; what is transparent counts as black. Of an array in a
    ``.npy`` or IDX file the first dimension counts the rows.

    Raises
    ------
    DataError
        When there is no such file, it is damaged, or it holds no rows.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise DataError(f"There is no file {path}.")
    ending = path.suffix.lower().lstrip(".")
    if ending in ENDINGS:
        return _picture(path)
    values = _numpy(path) if ending == "npy" else _idx(path)
    if values.ndim < 2 or not len(values):
        raise DataError(
            f"{path} holds an array {list(values.shape)}; expected rows [n, ...], at least one."
        )
    return values


def _picture(path: Path) -> np.ndarray:
    import numpy as np
    from PIL import Image as Images
    from PIL import UnidentifiedImageError

    try:
        with Images.open(path) as picture:
            if picture.mode in ("1", "L", "I", "I;16", "F", "LA"):
                values = np.asarray(_flat(picture, "LA").convert("L"))
            else:
                values = np.asarray(_flat(picture, "RGBA").convert("RGB"))
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise DataError(f"{path} is no picture that can be read: {error}.") from error
    return values[None]


def _flat(picture: Image, mode: str) -> Image:
    """Return a picture on black where it has transparent parts."""
    from PIL import Image as Images

    if "A" not in picture.mode and "transparency" not in picture.info:
        return picture
    layered = picture.convert(mode)
    ground = Images.new(mode, picture.size, (0,) * (len(mode) - 1) + (255,))
    ground.paste(layered, mask=layered.getchannel("A"))
    return ground


def _numpy(path: Path) -> np.ndarray:
    import numpy as np

    try:
        values: np.ndarray = np.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise DataError(f"{path} is no array that can be read: {error}.") from error
    return values


def _idx(path: Path) -> np.ndarray:
    from deapnets.files.idx import read_idx

    return read_idx(path)
