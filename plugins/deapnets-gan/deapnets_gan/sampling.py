"""Images by the generator of a run that is there."""

from __future__ import annotations

from pathlib import Path

import torch

from deapnets.errors import OptionError, RunError
from deapnets.files.whole import write_whole
from deapnets.runs.directory import RunDirectory
from deapnets.runs.resuming import require_same_network, stored_configuration
from deapnets_gan.grids import png_of
from deapnets_gan.task import GenerativeTask

MOST = 100_000
"""Images that are made at once, at most."""


def sampled(run: str | Path, count: int, seed: int) -> tuple[GenerativeTask, torch.Tensor]:
    """Return a run's task, and images ``[count, channels, height, width]`` of its best generator.

    Raises
    ------
    OptionError
        When the number of images cannot be used.
    RunError
        As `opened` does.
    """
    if not 1 <= count <= MOST:
        raise OptionError(f"--n is from 1 to {MOST:,}, got {count}.")
    task = opened(run)
    return task, task.generated(task.latents(count, seed))


def opened(run: str | Path) -> GenerativeTask:
    """Return a run's task, whose generator has the weights that the run has saved.

    Raises
    ------
    RunError
        When there is no run, it is of another evaluator, or it has saved no network yet.
    """
    directory = RunDirectory.open(run)
    task = stored_configuration(directory, any_version=True).evaluator
    if not isinstance(task, GenerativeTask):
        name = directory.read("config.json")["evaluator"]
        raise RunError(
            f'{directory.path} is a run of "{name}", which generates nothing. '
            "deapnets run gan --out DIR makes one that does."
        )
    require_same_network(directory, task)
    task.genome().load_state_dict(_weights(directory))
    task.genome().eval()
    return task


def _weights(directory: RunDirectory) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    path = directory.path / "best.safetensors"
    if not path.is_file():
        raise RunError(
            f"{directory.path} has saved no network yet. deapnets resume {directory.path} goes on."
        )
    weights: dict[str, torch.Tensor] = load_file(path)
    return weights


def write_picture(images: torch.Tensor, path: Path, columns: int | None = None) -> Path:
    """Write images side by side as a PNG, whole or not at all; return its path."""
    content = png_of(images, columns)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"{path} cannot be written: {error}.") from error
    write_whole(path, lambda beside: beside.write_bytes(content))
    return path
