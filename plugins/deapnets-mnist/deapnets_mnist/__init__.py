"""Handwritten digits for deapnets.

- :mod:`deapnets_mnist.datasets`: MNIST, the digits of scikit-learn, any folder of IDX files
- :mod:`deapnets_mnist.networks`: the networks that are evolved on them, by name
- :mod:`deapnets_mnist.evaluator`: the evaluator ``mnist`` of ``deapnets run``
"""
