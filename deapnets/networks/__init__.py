"""A chunk of a population as one callable, however its outputs come about.

===========  ===============================================================================
module       concept
===========  ===============================================================================
chunk        `Networks`: what an evaluator gets
base         `Path`: one way through the networks of a chunk
paths        which of the three ways a module takes, and why
stacked      chains of layers and activations as batched matrix products
images       convolutions and pools of images whose batch comes last, for such chains
steps        layers of a chain by the names of their parameters
sized        such products while images are small, another path for larger ones
halfstacked  the same chains in bfloat16, a network at a time
vmapped      any module that `torch.func.vmap` takes
spares       how many networks stand beside a part of those, so that its bits are its own
looped       one network after the other: every other module
precision    what networks compute in
crew         networks side by side, each on one thread
trees        tensors in tuples, lists and dicts
templates    the copy of a module that lends its form to networks
reading      whether a module computes with the weights it is given
guarding     what a module may not do in ``forward``
drawing      random numbers in ``forward``: the same for every network
blocks       element-wise functions whose bits do not depend on where an element stands
lowrank      `LowRankNetworks`: children of one base whose weights are never made
places       whether products depend on where in memory numbers lie
===========  ===============================================================================

``lowrank_stacked``, ``lowrank_looped`` and ``lowrank_batched`` are the ways of such children
through chains of linear layers, and through chains with convolutions (`convolutions`) one after the
other and at once.
"""
