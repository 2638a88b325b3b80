"""The picture of a run's learning curve: fitness of the generations, figures of the validation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from deapnets.errors import RunError
from deapnets.runs.directory import RunDirectory
from deapnets.runs.figures import INK, MUTED, clean, new_figure, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BEST, _MEAN, _HELD = "#d1495b", "#8da9c4", "#13795b"


PICTURE = "curve.png"


def draw_curve(directory: RunDirectory, name: str = PICTURE) -> Path:
    """Draw the run's log and return the picture's path: PNG, 1440 x 600 pixels.

    Raises
    ------
    RunError
        When the log holds no generation.
    """
    records = list(directory.log())
    if not records:
        raise RunError(f"{directory.path} has no generation in its log yet.")
    held = [record for record in records if record.get("validation_accuracy") is not None]
    figure = new_figure(9.6, 4.0)
    axes = figure.subplots(1, 2 if held else 1, squeeze=False)[0]
    _draw_fitness(axes[0], records)
    if held:
        _draw_accuracy(axes[1], held, directory)
    for ax in axes:
        ax.set_xlabel("seconds", color=MUTED, fontsize=9)
        clean(ax)
    figure.suptitle(_title(directory), color=INK, fontsize=12, x=0.01, ha="left", weight="bold")
    return save_figure(directory, figure, name)


def _title(directory: RunDirectory) -> str:
    config = directory.read("config.json")
    last = list(directory.log())[-1]
    weights = f"{config['parameters']:,} weights" if "parameters" in config else "architectures"
    return (
        f"{config['evaluator']}: {weights} by {config['algorithm']}, "
        f"{last['evaluations']:,} evaluations in {last['seconds']:.0f} s (seed {config['seed']})"
    )


def _draw_fitness(ax: Axes, records: list[dict[str, Any]]) -> None:
    seconds = [record["seconds"] for record in records]
    best = [record["best"] for record in records]
    mean = [record["mean"] for record in records]
    ax.plot(seconds, mean, color=_MEAN, linewidth=1.2, label="mean of the population")
    ax.plot(seconds, best, color=_BEST, linewidth=1.2, label="best")
    ax.set_title("fitness on the training rows", loc="left", fontsize=10, color=INK)
    ax.legend(frameon=False, fontsize=9, loc="lower right")


def _draw_accuracy(ax: Axes, held: list[dict[str, Any]], directory: RunDirectory) -> None:
    seconds = [record["seconds"] for record in held]
    accuracy = [100 * record["validation_accuracy"] for record in held]
    ax.plot(seconds, accuracy, color=_HELD, linewidth=1.6)
    ax.set_title("accuracy on held-out rows, %", loc="left", fontsize=10, color=INK)
    ax.set_ylim(min(accuracy) - 2, 100.5)
    text = "\n".join(["saved network:", *_saved(directory)])
    ax.text(0.98, 0.06, text, transform=ax.transAxes, ha="right", color=_HELD, fontsize=11)


def _saved(directory: RunDirectory) -> list[str]:
    """Return a line for each accuracy of the network that the run saved."""
    found: dict[str, Any] = directory.read("best.json") if directory.has("best.json") else {}
    if directory.has("result.json"):
        found = directory.read("result.json")["metrics"]
    splits = [name for name in ("validation", "test") if found.get(f"{name}_accuracy") is not None]
    return [f"{name} {100 * found[f'{name}_accuracy']:.1f} %" for name in splits]
