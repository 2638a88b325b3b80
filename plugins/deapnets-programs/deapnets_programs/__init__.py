"""Activations, losses and learning rules that evolve as programs.

- :mod:`deapnets_programs.tasks`: small random tasks of one shape
- :mod:`deapnets_programs.learning`: networks that learn by rules, all as one batch
- :mod:`deapnets_programs.rules`: rules that people wrote: baselines and references
- :mod:`deapnets_programs.rule`: the evaluator ``rule``
- :mod:`deapnets_programs.training`: small networks trained by Adam, all seeds as one batch
- :mod:`deapnets_programs.trained`: what ``activation`` and ``loss`` share
- :mod:`deapnets_programs.activation`, :mod:`deapnets_programs.loss`: these evaluators
- :mod:`deapnets_programs.study`, :mod:`deapnets_programs.picture`,
  :mod:`deapnets_programs.command`: ``deapnets study rule``
"""
