"""Read and write IDX files, the format in which MNIST and its look-alikes are published.

An IDX file is two zero bytes, a type code, the number of dimensions, the size of each dimension
as a big-endian 32-bit integer, then the values, big-endian, the last dimension fastest
(LeCun, Cortes and Burges 1998, "The MNIST database of handwritten digits").
"""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from deapnets.errors import DataError

_GZIP_MAGIC = b"\x1f\x8b"
_DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: str | Path) -> npt.NDArray[Any]:
    """Read one IDX file, gzip-compressed or not.

    Compression is recognised by the first two bytes, whatever the name of the file.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    numpy.ndarray
        An array of the file's own shape, in the machine's byte order: ``uint8``, ``int8``,
        ``int16``, ``int32``, ``float32`` or ``float64``. It is a writable copy.

    Raises
    ------
    DataError
        The file cannot be read, its gzip stream is damaged, it is not an IDX file, its type code
        is unknown, its header or its data are truncated, bytes follow the data, or no array can
        have its shape. The message names the file and the check.
    """
    path = Path(path)
    content = _content(path)
    dtype, shape = _header(path, content)
    start = 4 + 4 * len(shape)
    _check_length(path, len(content) - start, math.prod(shape) * dtype.itemsize)
    try:
        values: npt.NDArray[Any] = np.ndarray(shape, dtype, content, start)
    except ValueError as error:
        raise DataError(f"{path}: no array can have the shape in its header: {error}.") from error
    return values.astype(dtype.newbyteorder("="))


def encode_idx(array: npt.NDArray[Any]) -> bytes:
    """Return the bytes of an IDX file that holds an array; `read_idx` returns it."""
    wanted = array.dtype.newbyteorder(">")
    codes = {np.dtype(name): code for code, name in _DTYPES.items()}
    if wanted not in codes:
        raise DataError(f"An IDX file cannot hold {array.dtype}.")
    sizes = np.array(array.shape, dtype=">u4").tobytes()
    return bytes([0, 0, codes[wanted], array.ndim]) + sizes + array.astype(wanted).tobytes()


def _content(path: Path) -> bytes:
    """Return the bytes of the file, decompressed if they are a gzip stream."""
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if content.startswith(_GZIP_MAGIC) else content
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path}: damaged gzip: {error}. Fetch the file again.") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}.") from error


def _header(path: Path, content: bytes) -> tuple[np.dtype[Any], tuple[int, ...]]:
    """Return the dtype, big-endian as in the file, and the shape."""
    if any(content[:2]):
        raise DataError(
            f"{path}: not an IDX file: expected it to begin with the bytes 00 00, "
            f"got {content[:2].hex(' ')}."
        )
    _check_header_length(path, content, 4)
    code, dimensions = content[2], content[3]
    if code not in _DTYPES:
        known = ", ".join(f"0x{known:02x}" for known in _DTYPES)
        raise DataError(f"{path}: unknown type code 0x{code:02x}: expected one of {known}.")
    _check_header_length(path, content, 4 + 4 * dimensions)
    shape = np.frombuffer(content, ">u4", dimensions, offset=4)
    return np.dtype(_DTYPES[code]), tuple(shape.tolist())


def _check_header_length(path: Path, content: bytes, expected: int) -> None:
    if len(content) < expected:
        raise DataError(f"{path}: truncated header: expected {expected} bytes, got {len(content)}.")


def _check_length(path: Path, got: int, expected: int) -> None:
    if got < expected:
        raise DataError(f"{path}: truncated data: expected {expected} bytes, got {got}.")
    if got > expected:
        raise DataError(f"{path}: {got - expected} trailing bytes after {expected} bytes of data.")
