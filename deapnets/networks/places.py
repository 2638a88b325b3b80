"""Whether products of matrices depend on where in memory the numbers lie.

MKL, the matrix library of torch's builds for x86, chooses its kernels by the alignment of what it
multiplies, and they round differently. Within a chunk the activations of one network after the
other begin at different places, so a network's fitness would depend on its place in the chunk.
``import deapnets`` asks MKL for its strict mode, which rounds alike everywhere and costs nothing
measurable; but MKL listens only before its first product.

Source: Intel oneMKL developer guide, "Obtaining numerically reproducible results".
"""

from __future__ import annotations

import functools
import warnings

import torch


@functools.lru_cache(maxsize=1)
def products_depend_on_place() -> bool:
    """Return whether one product rounds differently at four places in memory."""
    weights = torch.arange(75.0).sin().view(1, 3, 25).repeat(4, 1, 1)
    inputs = torch.arange(825.0).cos().view(1, 25, 33).repeat(4, 1, 1)  # 825: no multiple of four
    products = torch.bmm(weights, inputs)
    return not bool((products == products[0]).all())


@functools.lru_cache(maxsize=1)
def warn_of_places() -> None:
    """Say, once, that results may depend on chunk sizes in their last bits."""
    if products_depend_on_place():
        warnings.warn(
            "Matrix products round by where the numbers lie in memory here, so fitness may depend "
            "on the size of chunks in its last bits. Import deapnets before the first product of "
            "torch, or set MKL_CBWR=AUTO,STRICT.",
            stacklevel=3,
        )
