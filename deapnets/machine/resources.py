"""What the machine lends: a device, and a number of bytes."""

from __future__ import annotations

import math

import psutil
import torch

from deapnets.errors import OptionError, unknown

_UNITS = {"": 1, "B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40}


def parse_memory(memory: int | str | None, device: torch.device) -> int:
    """Return bytes: of ``4_000_000``, of ``"4GB"``, or for None half of what is free.

    Raises
    ------
    OptionError
        When the text is no number with one of the units B, KB, MB, GB, TB (of 1,024).
    """
    if memory is None:
        if device.type == "cuda":
            return int(torch.cuda.mem_get_info(device)[0] // 2)
        return int(psutil.virtual_memory().available // 2)
    text = str(memory).strip().upper().replace("IB", "B")
    number = text.rstrip("KMGTB")
    try:
        size = float(number) * _UNITS[text[len(number) :]]
    except (ValueError, KeyError):
        raise OptionError(
            f'memory is bytes, or text such as "4GB" or "512MB"; got {memory!r}.'
        ) from None
    if not 0 < size < math.inf:
        raise OptionError(f"memory must be more than nothing, and finite; got {memory!r}.")
    return int(size)


def pick_device(device: str) -> torch.device:
    """Return the device for ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:1"``."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.split(":")[0] not in ("cpu", "cuda"):
        raise OptionError(unknown("device", device, ("auto", "cpu", "cuda")))
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise OptionError('No CUDA device is available here; use device="cpu" or "auto".')
    return torch.device(device)
