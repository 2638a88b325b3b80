"""How many networks have to stand behind a part of a chunk, so that its bits are its own.

torch's vectorised functions round the last elements of a tensor, fewer than fill a register,
differently from the others. In one call for many networks those are elements of the last of them,
so that copies stand there whose outputs nobody takes: one, or more where a tensor has few elements
a network. Sums, products and comparisons are rounded alike everywhere.
"""

from __future__ import annotations

from typing import Any, final

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

VECTOR = 32
"""Elements at the end of a tensor that may be rounded differently: two registers' at the most."""

# fmt: off
_ALIKE = frozenset({
    "abs", "add", "addmm", "addmv", "alias", "amax", "amin", "arange", "argmax", "argmin",
    "baddbmm", "bernoulli", "bitwise_and", "bitwise_not", "bitwise_or", "bmm", "cat", "ceil",
    "clamp", "clamp_max", "clamp_min", "clone", "constant_pad_nd", "convolution", "copy",
    "cumsum", "detach", "div", "dot", "embedding", "empty", "empty_like", "eq", "expand",
    "fill", "flip", "floor", "full", "full_like", "gather", "ge", "gt", "hardtanh", "index",
    "index_add", "index_put", "index_select", "le", "leaky_relu", "lift_fresh", "lt",
    "masked_fill", "max", "max_pool2d_with_indices", "maximum", "mean", "min", "minimum", "mm",
    "mul", "mv", "native_dropout", "ne", "neg", "new_empty", "new_full", "new_ones",
    "new_zeros", "normal", "ones", "ones_like", "rand", "rand_like", "randn", "randn_like",
    "reciprocal", "relu", "repeat", "roll", "round", "rsub", "scalar_tensor", "scatter",
    "scatter_add", "select_scatter", "sign", "slice_scatter", "sort", "sqrt", "stack", "sub",
    "sum", "threshold", "to", "topk", "tril", "triu", "uniform", "where", "zero", "zeros",
    "zeros_like", "_to_copy", "_unsafe_view",
})
# fmt: on
"""Operations of torch whose elements are rounded alike wherever they stand."""


@final
class Sizes(TorchDispatchMode):
    """Notes, in a block that calls one network, what its operations give.

    Attributes
    ----------
    least
        The fewest elements that one gives whose rounding depends on the place, `VECTOR` at most.
    convolves
        Whether one is a convolution.
    """

    def __init__(self) -> None:
        super().__init__()
        self.least = VECTOR
        self.convolves = False

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Say that nothing here is compiled: torch would import its compiler to leave it alone."""
        return False

    def spares(self, batch: int) -> int:
        """Return how many copies stand behind networks, for inputs of ``batch`` rows."""
        # A convolution of many networks has its rows outside and its networks inside.
        least = self.least // batch if self.convolves else self.least
        return -(-VECTOR // max(1, least))

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Do an operation, or those it is made of."""
        kwargs = kwargs or {}
        with self:
            parts = func.decompose(*args, **kwargs)
        if parts is not NotImplemented:
            return parts
        outputs = func(*args, **kwargs)
        name = func.overloadpacket.__name__.rstrip("_")
        self.convolves |= name == "convolution"
        if not func.is_view and name not in _ALIKE:
            tensors = (leaf for leaf in tree_leaves(outputs) if isinstance(leaf, torch.Tensor))
            counts = [t.numel() for t in tensors if t.is_floating_point() or t.is_complex()]
            self.least = min([self.least, *counts])
        return outputs
