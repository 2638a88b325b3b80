"""Search of image classifiers.

- :mod:`deapnets_cifar.nasbench201`: the evaluator ``nasbench201`` of ``deapnets run``, a table
"""
