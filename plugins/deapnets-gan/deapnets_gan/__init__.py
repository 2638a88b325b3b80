"""Generators of images that evolve against a judge.

- :mod:`deapnets_gan.evaluator`: the evaluator ``gan`` of ``deapnets run``
- :mod:`deapnets_gan.task`: `GenerativeTask`, what it is made of; `Generative`, on images at hand
- :mod:`deapnets_gan.images`: the images: digits, MNIST, any four IDX files
- :mod:`deapnets_gan.generators`: the networks that are evolved, by name
- :mod:`deapnets_gan.pieced`: images that are put together of two real ones
- :mod:`deapnets_gan.mixtures`: `Mixture`: generators of several runs as one
- :mod:`deapnets_gan.judge`: `Judge`, what says what images are worth
- :mod:`deapnets_gan.judges`: judges by name, and several of them as one
- :mod:`deapnets_gan.features`: `FeatureJudge`: a distance in frozen features
- :mod:`deapnets_gan.discriminator`: `DiscriminatorJudge`: trained once a generation
- :mod:`deapnets_gan.coevolution`: `CoevolvedJudge`: a second population
- :mod:`deapnets_gan.opponents`: discriminators, and what they say of many generators
- :mod:`deapnets_gan.cycling`: generators of the whole run against all discriminators
- :mod:`deapnets_gan.fame`: networks of earlier generations
- :mod:`deapnets_gan.chains`: layers on the images of many generators at once
- :mod:`deapnets_gan.article`: the algorithm ``article``, to compare with
- :mod:`deapnets_gan.adversarial`: ``plaingan`` and ``dcgan``: two networks by Adam, to compare with
- :mod:`deapnets_gan.egan`: the algorithm ``egan``: children trained under one of three losses
- :mod:`deapnets_gan.grids`: pictures
- :mod:`deapnets_gan.command`: ``deapnets sample`` and ``deapnets mix``
"""
