"""Tensors to a safetensors file and back, row by row: no second copy of a population is made."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from deapnets.engines.keeping import WIDE
from deapnets.errors import RunError
from deapnets.runs.networks import Rows

_NAMES = {
    torch.float32: "F32",
    torch.float64: "F64",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint64: "U64",
    torch.uint32: "U32",
    torch.uint16: "U16",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}
_BLOCK = 1 << 24


def write_tensors(path: Path, tensors: Mapping[str, Rows]) -> int:
    """Write tensors, and lists of rows ``[P]`` as ``[n, P]``; return the file's CRC-32.

    The format is that of `safetensors <https://github.com/huggingface/safetensors>`_: the header's
    length in 8 bytes, a header in JSON, the numbers. Its own writer wants a copy of all of them.
    """
    header: dict[str, object] = {}
    end = 0
    for name, value in tensors.items():
        first = value[0] if isinstance(value, list) else value
        shape = [len(value), *first.shape] if isinstance(value, list) else [*first.shape]
        begin, end = end, end + sum(part.nbytes for part in _parts(value))
        header[name] = {"dtype": _NAMES[first.dtype], "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    check = 0
    with path.open("wb") as file:
        for piece in (len(text).to_bytes(8, "little"), text, *_bytes(tensors)):
            check = zlib.crc32(piece, check)
            file.write(piece)
    return check


def read_tensors(path: Path, check: int) -> dict[str, Rows]:
    """Return the tensors of a file whose CRC-32 is ``check``; wide rows in a tensor each.

    Raises
    ------
    RunError
        When the file is missing, or its bytes are not those that were written.
    """
    try:
        if _checksum(path) != check:
            raise RunError(f"{path} is damaged: its checksum is not the one that was written.")
        with safe_open(path, "pt") as file:
            return {name: _read(file, name) for name in file.keys()}  # noqa: SIM118  (no dict)
    except (OSError, SafetensorError) as error:
        raise RunError(f"{path} cannot be read: {error}.") from error


def inline(tensors: Mapping[str, Rows]) -> dict[str, list[Any]]:
    """Return small tensors as JSON: kind, shape, and the numbers in base64."""
    return {
        name: [
            _NAMES[_parts(value)[0].dtype],
            [len(value), *value[0].shape] if isinstance(value, list) else [*value.shape],
            base64.b64encode(b"".join(map(bytes, _bytes({name: value})))).decode(),
        ]
        for name, value in tensors.items()
    }


def outlined(written: Mapping[str, list[Any]]) -> dict[str, Rows]:
    """Return the tensors of `inline`."""
    kinds = {name: dtype for dtype, name in _NAMES.items()}
    found: dict[str, Rows] = {}
    for name, (kind, shape, text) in written.items():
        content = bytearray(base64.b64decode(text))
        flat = torch.frombuffer(content, dtype=kinds[kind]) if content else torch.empty(0)
        found[name] = flat.to(kinds[kind]).reshape(shape)
    return found


def _read(file: safe_open, name: str) -> Rows:
    part = file.get_slice(name)
    shape = part.get_shape()
    if not name.startswith("weights.") or 4 * shape[1] < WIDE:
        return file.get_tensor(name)
    return [part[row].clone() for row in range(shape[0])]


def _checksum(path: Path) -> int:
    check = 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            check = zlib.crc32(block, check)
    return check


def _parts(value: Rows) -> list[torch.Tensor]:
    return value if isinstance(value, list) else [value]


def _bytes(tensors: Mapping[str, Rows]) -> Iterator[Any]:
    """Yield the numbers as buffers of bytes, without copying those of a CPU."""
    for value in tensors.values():
        for part in _parts(value):
            flat = part.detach().cpu().contiguous().reshape(-1)
            yield flat.view(torch.uint8).numpy()
