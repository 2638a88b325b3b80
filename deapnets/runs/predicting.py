"""What a run's best network says of inputs that were no part of the run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from deapnets.errors import DataError
from deapnets.files.arrays import read_values
from deapnets.runs.exporting import Best

if TYPE_CHECKING:
    import numpy as np
    import torch

_LOT = 1000
"""Inputs that are computed at once."""


class Answer(NamedTuple):
    """What the network says of one input."""

    source: str  # its file, and its place in it where there are several
    outputs: list[float]
    label: int | None  # most likely class; None where outputs are no classes
    probability: float | None


class Prediction(NamedTuple):
    """The answers for some files."""

    answers: list[Answer]
    steps: dict[str, list[str]]  # what was done to a file's values
    remarks: list[str]  # what looks wrong


def predict(best: Best, files: list[str], *, invert: bool = False) -> Prediction:
    """Return what the network says of each row of each file.

    Parameters
    ----------
    best
        Of `deapnets.runs.exporting.best_network`.
    files
        Pictures, IDX or ``.npy`` files.
    invert
        Turn ``uint8`` values round first: black on white becomes white on black.

    Raises
    ------
    DataError
        When a file cannot be read, or holds nothing that the network takes.
    """
    answers: list[Answer] = []
    steps: dict[str, list[str]] = {}
    remarks: list[str] = []
    for file in files:
        values = read_values(file)
        done = ["inverted"] if invert else []
        if invert:
            values = _inverted(values, file)
        inputs, own = _inputs(best, values, file)
        steps[file] = [*done, *own]
        answers += _answers(best, inputs, file)
        remarks += _remarks(best, inputs, file)
    return Prediction(answers, steps, remarks)


def _inputs(best: Best, values: np.ndarray, file: str) -> tuple[torch.Tensor, list[str]]:
    try:
        return best.evaluator.preprocess(values)
    except ValueError as error:  # an option that does not fit the images, say
        raise DataError(f"{file}: {error}") from error


def _inverted(values: np.ndarray, file: str) -> np.ndarray:
    if str(values.dtype) != "uint8":
        raise DataError(f"{file} holds {values.dtype}: only bytes from 0 to 255 can be inverted.")
    turned: np.ndarray = 255 - values
    return turned


def _answers(best: Best, inputs: torch.Tensor, file: str) -> list[Answer]:
    import torch

    with torch.no_grad():
        outputs = torch.cat([best.network(lot) for lot in inputs.split(_LOT)])
    answers = []
    for row, values in enumerate(outputs):
        source = Path(file).name + (f"[{row}]" if len(outputs) > 1 else "")
        label, probability = _class(values) if best.evaluator.classifies else (None, None)
        answers.append(Answer(source, values.reshape(-1).tolist(), label, probability))
    return answers


def _class(values: torch.Tensor) -> tuple[int, float]:
    chances = values.double().softmax(0)
    best = int(chances.argmax())
    return best, float(chances[best])


def _remarks(best: Best, inputs: torch.Tensor, file: str) -> list[str]:
    """Return a line where the brightness of images looks like that of the task turned round."""
    import torch

    known = best.evaluator.examples(_LOT)
    if not isinstance(known, torch.Tensor) or known.dim() < 3:
        return []
    dark, light = float(known.min()), float(known.max())
    slack = 0.1 * (light - dark)
    if float(inputs.min()) < dark - slack or float(inputs.max()) > light + slack:
        return []
    usual, here = float(known.mean()), float(inputs.mean())
    if abs(here - (dark + light - usual)) >= abs(here - usual):
        return []
    return [
        f"{file}: the inputs have a mean of {here:.2f}, those of the task {usual:.2f}. Is it black "
        "on white? --invert turns it round."
    ]


def as_json(prediction: Prediction) -> dict[str, Any]:
    """Return a prediction as JSON values."""
    return {
        "answers": [answer._asdict() for answer in prediction.answers],
        "preprocessing": prediction.steps,
        "remarks": prediction.remarks,
    }
