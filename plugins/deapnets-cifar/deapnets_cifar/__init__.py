"""Search of image classifiers.

- :mod:`deapnets_cifar.downloading`: CIFAR-10's archive, downloaded and unpacked
- :mod:`deapnets_cifar.datasets`: CIFAR-10 in its binary format, and digits
- :mod:`deapnets_cifar.training`: one network trained
- :mod:`deapnets_cifar.evaluator`: the evaluator ``cifar`` of ``deapnets run``
- :mod:`deapnets_cifar.nasbench201`: the evaluator ``nasbench201`` of ``deapnets run``, a table
"""
