"""`find_mistakes`: which classes a network takes for which, and where it is most wrong."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    from deapnets.evaluators.splits import Split

SHOWN = 24
"""Rows of the worst mistakes."""
_CLASSES = 200  # above, nobody reads a matrix
_SIDE = 64  # pixels that a picture has at most in a direction


def find_mistakes(
    network: Callable[..., Any], split: Split, name: str, rows: int | None = None
) -> dict[str, Any] | None:
    """Return a confusion matrix and the worst mistakes as JSON values, or None.

    None where outputs are no scores of classes ``[rows, classes]`` or there are too many classes.

    Parameters
    ----------
    network
        Maps inputs to scores, in evaluation mode.
    split
        Rows that were held out; targets are classes ``[rows]``.
    name
        What the split is called.
    rows
        How many go through the network at once; None for a thousand.

    Returns
    -------
    dict
        ``split, rows``; ``confusion``, a row of counts a true class; ``worst``: row, ``target``,
        ``predicted`` and ``probability`` of the rows that the network is surest of and wrong, with
        ``shape`` and ``pixels`` (base64, a byte each) where inputs are pictures.
    """
    import torch

    with torch.no_grad():
        lots = [network(*part.arguments) for part in split.slices(rows)]
    scores = torch.cat(lots) if all(isinstance(lot, torch.Tensor) for lot in lots) else None
    if scores is None or scores.dim() != 2 or split.targets.dim() != 1:
        return None
    classes = scores.shape[1]
    if not 2 <= classes <= _CLASSES or split.targets.is_floating_point():
        return None
    chances, predicted = scores.double().softmax(1).max(1)
    cells = split.targets * classes + predicted
    counts = torch.bincount(cells, minlength=classes * classes).reshape(classes, classes)
    wrong = (predicted != split.targets).nonzero()[:, 0]
    worst = wrong[chances[wrong].argsort(descending=True, stable=True)][:SHOWN]
    pictures = _pictures(split.inputs, worst)
    return {
        "split": name,
        "rows": len(split),
        "confusion": counts.tolist(),
        "worst": [
            {
                "row": int(row),
                "target": int(split.targets[row]),
                "predicted": int(predicted[row]),
                "probability": round(float(chances[row]), 4),
                **picture,
            }
            for row, picture in zip(worst, pictures, strict=True)
        ],
    }


def _pictures(inputs: torch.Tensor, rows: torch.Tensor) -> list[dict[str, Any]]:
    """Return rows ``[channels, height, width]`` as bytes, black to white; nothing for others."""
    if inputs.dim() != 4 or inputs.shape[1] not in (1, 3) or min(inputs.shape[2:]) < 4:
        return [{} for _ in rows]
    step = -(-max(inputs.shape[2:]) // _SIDE)
    low, high = float(inputs.min()), float(inputs.max())
    shown = inputs[rows, :, ::step, ::step].float().cpu()
    scaled = (255.0 * (shown - low) / max(high - low, 1e-9)).round().byte().permute(0, 2, 3, 1)
    return [
        {
            "shape": list(picture.shape),
            "pixels": base64.b64encode(picture.contiguous().numpy().tobytes()).decode(),
        }
        for picture in scaled
    ]
