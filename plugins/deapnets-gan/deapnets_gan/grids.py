"""Pictures of many images side by side."""

from __future__ import annotations

import io
import math

import torch

from deapnets.errors import OptionError

_SIDE = 48  # pixels of the picture for an image, about


def grid_of(images: torch.Tensor, columns: int | None = None) -> torch.Tensor:
    """Return images ``[n, channels, height, width]`` in [0, 1] as one, uint8 ``[rows, width, 3]``.

    A dark line stands between two images; ``columns`` is about the root of ``n`` by default.
    """
    if images.dim() != 4 or not len(images) or images.shape[1] not in (1, 3):
        raise OptionError(
            f"A picture shows grey or colour images [n, 1 or 3, height, width], got "
            f"{list(images.shape)}."
        )
    count, _, height, width = images.shape
    across = columns or math.ceil(math.sqrt(count))
    down = -(-count // across)
    sheet = torch.full((down * (height + 1) + 1, across * (width + 1) + 1, 3), 0.25)
    for index, image in enumerate(images):
        top, left = (index // across) * (height + 1) + 1, (index % across) * (width + 1) + 1
        shown = image.expand(3, -1, -1).permute(1, 2, 0)
        sheet[top : top + height, left : left + width] = shown.clamp(0.0, 1.0)
    whole = (255 * sheet).round().to(torch.uint8)
    scale = max(1, round(_SIDE / max(height, width)))
    return whole.repeat_interleave(scale, 0).repeat_interleave(scale, 1)


def png_of(images: torch.Tensor, columns: int | None = None) -> bytes:
    """Return `grid_of` images as a PNG."""
    from matplotlib.image import imsave

    content = io.BytesIO()
    imsave(content, grid_of(images, columns).numpy(), format="png")
    return content.getvalue()
