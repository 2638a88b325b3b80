"""Noise in place of gradients.

- :mod:`deapnets_noise.rules`: how noise and costs change weights: the rule, and its relatives
- :mod:`deapnets_noise.strategy`: the algorithm ``noise`` of ``deapnets run``
- :mod:`deapnets_noise.data`: zeros and ones of MNIST, and answers that need no network
- :mod:`deapnets_noise.cells`: one cell of the study, all its networks trained as one batch
- :mod:`deapnets_noise.study`: which cells there are, and what they say together
- :mod:`deapnets_noise.picture`: the picture of the study
- :mod:`deapnets_noise.command`: ``deapnets study noise``
"""
