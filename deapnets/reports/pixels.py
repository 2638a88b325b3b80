"""Pixels as a PNG, with nothing but the standard library: a page shows them without Pillow."""

from __future__ import annotations

import struct
import zlib


def png(pixels: bytes, height: int, width: int, channels: int) -> bytes:
    """Return bytes of grey or red, green, blue as a PNG; a ValueError when there are too few.

    Source: Portable Network Graphics, ISO/IEC 15948.
    """
    stride = width * channels
    if len(pixels) != stride * height:
        raise ValueError(f"{len(pixels)} bytes are no picture of {height} x {width} x {channels}.")
    rows = b"".join(b"\0" + pixels[at : at + stride] for at in range(0, len(pixels), stride))
    head = struct.pack(">IIBBBBB", width, height, 8, 0 if channels == 1 else 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, content) for kind, content in chunks)


def _chunk(kind: bytes, content: bytes) -> bytes:
    check = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)
