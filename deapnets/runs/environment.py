"""Versions and hardware that a result was measured with."""

from __future__ import annotations

import functools
import os
import platform
from importlib import metadata
from typing import Any

import psutil
import torch

from deapnets.randomness import RECIPE_VERSION

_DISTRIBUTIONS = ("deapnets", "deap", "numpy", "scipy", "torch", "safetensors")


def environment(*distributions: str) -> dict[str, Any]:
    """Return versions and hardware as JSON values; ``distributions`` are added to the list."""
    names = dict.fromkeys([*_DISTRIBUTIONS, *distributions])
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "versions": {name: _version(name) for name in names},
        "recipe_version": RECIPE_VERSION,
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "memory_bytes": psutil.virtual_memory().total,
        "devices": [
            torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())
        ],
    }


@functools.cache
def _version(name: str) -> str | None:
    """Return what is installed; ``deap.__version__`` and its like may say something older."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            for line in lines:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
