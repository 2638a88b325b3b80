"""What varies: genomes, the layout they follow, and the nodes that make their weights.

==========  ====================================================================================
module      concept
==========  ====================================================================================
layout      which parameters of a module a genome covers, and where each one stands in its vector
nodes       the immutable handle behind an individual: weights, or the recipe for them
making      nodes to rows of weights, a block at a time
weights     `WeightGenome`, the base class of DEAP individuals that are networks
==========  ====================================================================================
"""
