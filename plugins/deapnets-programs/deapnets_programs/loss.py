"""The evaluator ``loss``: losses of prediction, target and what is left of the training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, final

from deapnets_programs.trained import TrainedEvaluator

if TYPE_CHECKING:
    import torch

    from deapnets.programs.spaces import ProgramSpace
    from deapnets_programs.training import Activation, Loss

ARGUMENTS = ("prediction", "target", "step")

FUNCTIONS = (
    *("add", "sub", "mul", "aq", "max", "min", "neg", "abs"),
    *("square", "sqrt", "log", "exp", "tanh"),
)

EDGE = 1e-6
"""Predictions are kept so far from 0 and 1, where a logarithm has no slope."""

BASELINES = {
    "cross-entropy": "neg(mul(target, log(prediction)))",
    "squared error": "square(sub(target, prediction))",
    "absolute error": "abs(sub(target, prediction))",
}
"""Losses of people, as programs."""


def loss_space(height: int, size: int) -> ProgramSpace:
    """Return the losses: compared on probabilities, and targets of 0 and 1."""
    import torch

    from deapnets.programs.functions import primitive_set
    from deapnets.programs.spaces import ProgramSpace

    pset = primitive_set("loss", ARGUMENTS, FUNCTIONS)
    grid = torch.linspace(0.01, 0.99, 16, dtype=torch.float64)
    prediction, target = grid.repeat(4), torch.tensor([0.0, 1.0]).double().repeat_interleave(32)
    step = torch.tensor([0.2, 0.9]).double().repeat_interleave(16).repeat(2)
    probe = [prediction, target, step]
    return ProgramSpace(pset, height=height, size=size, least=1, most=3, probe=probe)


@final
class LossFunction(TrainedEvaluator):
    """Losses: programs of prediction, target and step, whose mean a small network minimises.

    ``prediction`` is the probability of each class (a softmax of the outputs), ``target`` 1 for the
    right one and 0 for the others, ``step`` the part of the steps that is left. The score is the
    mean accuracy on the validation split of networks with ReLU that were trained by Adam.
    """

    def make_space(self, height: int, size: int) -> ProgramSpace:
        """Return the losses."""
        return loss_space(height, size)

    def parts(self, program: Sequence[Any]) -> tuple[Activation, Loss]:
        """Return ReLU, and the program as the loss."""
        import torch
        from torch.nn import functional

        from deapnets.programs.compiling import compile_tree

        function = compile_tree(program, self.space().pset)

        def loss(outputs: torch.Tensor, labels: torch.Tensor, left: float) -> torch.Tensor:
            prediction = outputs.softmax(-1).clamp(EDGE, 1.0 - EDGE)
            target = functional.one_hot(labels, outputs.shape[-1]).to(outputs.dtype)
            values = function(prediction, target.expand_as(prediction), torch.tensor(left))
            return values.expand_as(prediction).mean((-2, -1)) + 0.0 * prediction.sum()

        return torch.relu, loss
