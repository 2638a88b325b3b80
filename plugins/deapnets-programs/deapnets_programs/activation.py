"""The evaluator ``activation``: element-wise functions between the layers of a small network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, final

from deapnets_programs.trained import TrainedEvaluator

if TYPE_CHECKING:
    from deapnets.programs.spaces import ProgramSpace
    from deapnets_programs.training import Activation, Loss

FUNCTIONS = (
    *("add", "sub", "mul", "aq", "max", "min", "neg", "abs", "square"),
    *("exp", "sin", "cos", "tanh", "sigmoid", "erf", "relu", "softplus"),
)


def baselines() -> dict[str, Activation]:
    """Return the activation functions of people."""
    import torch
    from torch.nn import functional

    return {
        "relu": torch.relu,
        "gelu": functional.gelu,
        "silu": functional.silu,
        "tanh": torch.tanh,
    }


def activation_space(height: int, size: int) -> ProgramSpace:
    """Return the functions of one number, compared from -6 to 6."""
    import torch

    from deapnets.programs.functions import primitive_set
    from deapnets.programs.spaces import ProgramSpace

    pset = primitive_set("activation", ["x"], FUNCTIONS)
    probe = [torch.linspace(-6.0, 6.0, 64, dtype=torch.float64)]
    return ProgramSpace(pset, height=height, size=size, least=1, most=3, probe=probe)


@final
class ActivationFunction(TrainedEvaluator):
    """Activation functions: programs of x that stand between the layers of a small network.

    The score is the mean accuracy on the validation split of networks that were trained with it by
    Adam. Limits, data and training: see the options.
    """

    def make_space(self, height: int, size: int) -> ProgramSpace:
        """Return the functions of one number."""
        return activation_space(height, size)

    def parts(self, program: Sequence[Any]) -> tuple[Activation, Loss]:
        """Return the program as the activation, and the cross-entropy."""
        from deapnets.programs.compiling import compile_tree
        from deapnets_programs.training import cross_entropy

        function = compile_tree(program, self.space().pset)
        return lambda values: function(values).expand_as(values), cross_entropy
