"""What a plugin brings: the fitness of a chunk of networks, and what is measured on held-out data.

=============  ======================================================================
module         concept
=============  ======================================================================
base           `Evaluator`: the contract
architectures  `ArchitectureEvaluator`: the contract where structures are evolved
archive        `ScoreArchive`: every score of every network, in a file beyond a run
programs       `ProgramEvaluator`: the contract where programs are; `Regression` of formulas
census         `Census`: all networks of a space with their scores
batches        `MiniBatches`: which training rows a generation sees
constants      `constant`: the trivial answer
mistakes       `find_mistakes`: which classes are taken for which
judging        `Judge`: loss and hits of outputs
losses         losses of a whole chunk, by name or from any torch loss
readout        `RidgeReadout`: a last layer in closed form
slicing        which rows go through networks at once
splits         `Split` and `Splits`: inputs and targets
supervised     `Supervised` and `SupervisedTask`: inputs, targets and a loss
calling        which evaluator a function of a toolbox calls
turns          one generation, from `prepare` to `conclude`
xor            the built-in task ``xor``, registered as plugins register theirs
bitstring      the built-in task ``bitstring``: a noisy search that costs nothing
=============  ======================================================================
"""
