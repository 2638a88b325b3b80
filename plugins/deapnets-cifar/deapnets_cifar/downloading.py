"""CIFAR-10 from its authors: an archive that is downloaded once and unpacked into the cache."""

from __future__ import annotations

import json
import os
import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO

from deapnets.errors import DataError
from deapnets.files.downloading import Source, checksum, sole

CIFAR10 = Source(
    "CIFAR-10",
    "cifar10",
    {"cifar-10-binary.tar.gz": "c32a1d4ab5d03f1284b67883e8d87530"},
    ("https://www.cs.toronto.edu/~kriz",),
    variable="DEAPNETS_CIFAR10_MIRROR",
    otherwise="data=DIR names a folder of your own with what is in it. "
    "Or use -o dataset=digits, which needs no download.",
)
"""The binary version, as it is published: 170 MB, 184 MB unpacked."""

PARTS = (*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin")
"""The files of the archive that are used; the test images are in the last one."""

_SUMS = "checksums.json"  # of the parts, written when all of them were unpacked


def unpacked(source: Source = CIFAR10, folder: Path | None = None) -> Path:
    """Return the folder that holds the parts; where they are not there, they are downloaded.

    Parts that are not what was unpacked are unpacked anew. Of several processes one downloads, and
    the others wait.

    Parameters
    ----------
    source
        One archive.
    folder
        Where to; the source's folder in the user's cache.

    Raises
    ------
    DataError
        When the archive could not be had, or lacks a part.
    """
    folder = source.cache() if folder is None else folder
    if is_whole(folder):
        return folder
    with sole(folder):
        if not is_whole(folder):  # while this process waited, another one may have
            source.download(folder)
            (archive,) = source.files
            _unpack(folder / archive)
    return folder


def is_whole(folder: Path) -> bool:
    """Return whether a folder holds all parts as they were unpacked."""
    try:
        sums = json.loads((folder / _SUMS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return all(part in sums and checksum(folder / part) == sums[part] for part in PARTS)


def _unpack(archive: Path) -> None:
    """Put the parts beside their archive, then remove it.

    Nothing is written but files under the names of the parts, whatever paths the archive holds.
    """
    folder = archive.parent
    missing = set(PARTS)
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                name = PurePosixPath(member.name).name
                content = tar.extractfile(member) if name in missing and member.isfile() else None
                if content is not None:
                    _write(content, folder / name)
                    missing.remove(name)
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise DataError(f"{archive} cannot be unpacked: {error}.") from error
    if missing:
        raise DataError(f"{archive} lacks {', '.join(sorted(missing))}.")
    sums = {part: checksum(folder / part) for part in PARTS}
    (folder / _SUMS).write_text(json.dumps(sums, indent=1) + "\n", encoding="utf-8")
    archive.unlink()


def _write(content: IO[bytes], target: Path) -> None:
    """Write a file under its name once it is whole."""
    half = target.with_suffix(".part")
    with half.open("wb") as file:
        shutil.copyfileobj(content, file, 1 << 20)
    os.replace(half, target)
