"""A chunk of a population as one callable, however its outputs come about.

========  ==================================================================================
module    concept
========  ==================================================================================
chunk     `Networks`: what an evaluator gets
base      `Path`: one way through the networks of a chunk
paths     which of the three ways a module takes, and why
stacked   chains of linear layers and activations as batched matrix products
vmapped   any module that `torch.func.vmap` takes
looped    one network after the other: every other module
========  ==================================================================================
"""
