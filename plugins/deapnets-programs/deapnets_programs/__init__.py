"""Activations, losses and learning rules that evolve as programs.

- :mod:`deapnets_programs.tasks`: small random tasks of one shape
- :mod:`deapnets_programs.learning`: networks that learn by rules, all as one batch
- :mod:`deapnets_programs.rules`: rules that people wrote: baselines and references
- :mod:`deapnets_programs.rule`: the evaluator ``rule``
"""
