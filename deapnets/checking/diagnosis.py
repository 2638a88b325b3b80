"""What a machine offers deapnets, what is missing, and the command that mends it."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import Literal, NamedTuple

from deapnets.checking.checks import Check, check
from deapnets.checking.requirements import unmet
from deapnets.errors import DataError, DeapnetsError
from deapnets.plugins import EVALUATORS, GROUPS, FoundPlugin, find

State = Literal["ok", "missing", "wrong"]

_SHOWN = ("deapnets", "deap", "torch", "numpy", "scipy", "safetensors")
_EXTRAS = {
    "ray": ("ray", "many machines"),
    "onnx": ("onnxruntime", "deapnets export FILE.onnx"),
    "tensorboard": ("tensorboard", "deapnets run --log tensorboard"),
}
_LITTLE = 2 << 30  # bytes of memory below which large populations are made again and again


class Finding(NamedTuple):
    """One thing that was looked at.

    ``missing`` is what somebody may want and need not have; ``wrong`` is what will not work.
    """

    topic: str
    state: State
    text: str
    remedy: str = ""


def diagnose() -> Iterator[Finding]:
    """Yield what was found, as it is found. Raises nothing: what fails is a finding."""
    yield from _python()
    yield from _torch()
    yield from _machine()
    yield from _extras()
    checks = list(check([plugin for group in GROUPS for plugin in find(group)]))
    yield from _data([one.found for one in checks if one.state == "usable"])
    yield from _plugins(checks)


def _python() -> Iterator[Finding]:
    version = platform.python_version()
    yield Finding("python", "ok", f"{version} on {platform.platform(terse=True)}")
    for name in _SHOWN:
        try:
            yield Finding("version", "ok", f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            yield Finding("version", "wrong", f"{name} is not installed", f"pip install {name}")
    for line in unmet("deapnets"):
        yield Finding("version", "wrong", *_remedied(line.replace("It needs", "deapnets needs", 1)))


def _torch() -> Iterator[Finding]:
    try:
        import torch

        ones = torch.ones(4, 4)
        right = bool((ones @ ones == 4).all())
    except Exception as error:  # a broken installation fails in ways of its own
        said = f"torch cannot be used: {type(error).__name__}: {' '.join(str(error).split())}"
        yield Finding("torch", "wrong", said, "pip install --force-reinstall torch")
        return
    if not right:
        yield Finding("torch", "wrong", "torch multiplies matrices wrongly")
    yield Finding("threads", "ok", f"{torch.get_num_threads()} of {os.cpu_count()} cores")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    for index in range(count):
        yield Finding("device", "ok", f"cuda:{index}, {torch.cuda.get_device_name(index)}")
    if not count and shutil.which("nvidia-smi"):
        yield Finding(
            "device",
            "missing",
            f"there is an NVIDIA driver, and torch {torch.__version__} sees no device",
            "pip install torch, as https://pytorch.org/get-started says for CUDA",
        )
    elif not count:
        yield Finding("device", "ok", "cpu; there is no CUDA device")


def _machine() -> Iterator[Finding]:
    import psutil

    free = psutil.virtual_memory().available
    text = f"{free / (1 << 30):.1f} GB free"
    if free < _LITTLE:
        yield Finding("memory", "missing", text, "deapnets run ... --memory 500MB")
    else:
        yield Finding("memory", "ok", text)
    here = Path.cwd()
    try:
        with tempfile.TemporaryFile(dir=here):
            pass
        room = shutil.disk_usage(here).free / (1 << 30)
        yield Finding("runs", "ok", f"{here / 'runs'} can be written, {room:.0f} GB free")
    except OSError as error:
        said = f"{here} cannot be written: {error.strerror}"
        yield Finding("runs", "missing", said, "deapnets run ... --out DIR")
    encoding = getattr(sys.stdout, "encoding", None) or "none"
    yield Finding("terminal", "ok", f"{shutil.get_terminal_size().columns} columns, {encoding}")


def _extras() -> Iterator[Finding]:
    for extra, (name, what) in _EXTRAS.items():
        try:
            yield Finding("extra", "ok", f"{extra}: {name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            text = f"{extra}, for {what}"
            yield Finding("extra", "missing", text, f'pip install "deapnets[{extra}]"')


def _data(usable: Sequence[FoundPlugin]) -> Iterator[Finding]:
    """Yield where evaluators have their data; of those that another process has made before."""
    root = os.environ.get("DEAPNETS_DATA")
    if root and not Path(root).expanduser().is_dir():
        text = f"DEAPNETS_DATA names {root}, which is no folder"
        yield Finding("data", "wrong", text, f"mkdir {root}, or unset DEAPNETS_DATA")
    for plugin in usable:
        if plugin.group == EVALUATORS:
            yield from _data_of(plugin)


def _data_of(plugin: FoundPlugin) -> Iterator[Finding]:
    """Yield where an evaluator's data are; nothing of one that needs none, or is broken."""
    try:
        evaluator = plugin.load().make().instance
        found = evaluator.find_data()
    except DataError as error:
        text, remedy = _remedied(str(error))
        yield Finding("data", "missing", f"{plugin.name}: {text}", remedy)
    except (DeapnetsError, AttributeError):
        return  # what is wrong with it is said of plugins
    else:
        if found:
            yield Finding("data", "ok", f"{plugin.name}: {found}")


def _plugins(checks: Sequence[Check]) -> Iterator[Finding]:
    """Yield what keeps plugins from being used; contracts are their authors' affair."""
    usable = sum(result.problem is None for result in checks)
    sources = {result.found.distribution for result in checks}
    text = f"{usable} of {len(checks)} can be used, from {len(sources)} distributions"
    yield Finding("plugins", "ok", text)
    for result in checks:
        if result.problem is not None:
            state: State = "missing" if "pip install" in result.problem else "wrong"
            text, remedy = _remedied(result.problem)
            remedy = remedy or f"deapnets plugins check {result.found.full_name}"
            yield Finding("plugins", state, text, remedy)
    for line in dict.fromkeys(
        f"{r.found.distribution}: {line}" for r in checks for line in r.unmet
    ):
        yield Finding("plugins", "wrong", *_remedied(line))


def _remedied(text: str) -> tuple[str, str]:
    """Return a sentence and the command behind it, where there is one: ``...: pip install x``."""
    head, separator, command = text.partition(": pip ")
    return (head, f"pip {command}") if separator else (text, "")
