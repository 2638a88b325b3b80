"""What varies: genomes, the layout they follow, and the nodes that make their weights.

==========  ====================================================================================
module      concept
==========  ====================================================================================
parts       which parameters of a module are evolved
usable      which modules and parameters can be evolved at all
reach       what else leads to a parameter: plain lists, shared memory; what cannot be copied
order       which layers' units cannot change places: what is not evolved relies on them
layout      where each of them stands in a genome's vector, and what that is stored in
nodes       the immutable handle behind an individual: weights, or the recipe for them
factors     noise of low rank: how it is put together for a layout
accounts    who counts what operators store
making      nodes to rows of weights, a block at a time
rounding    float32 children to bfloat16, by chance
weights     `WeightGenome`, the base class of DEAP individuals that are networks
==========  ====================================================================================
"""
