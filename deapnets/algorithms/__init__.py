"""Loops over generations, next to DEAP's own.

============  ================================================================
module        concept
============  ================================================================
base          what a run drives: `Algorithm`, made from `Settings`
generational  `eaGenerational`: DEAP's generational loop as an iterator
ga            the command line's ``ga``: its settings, toolbox and schedule
============  ================================================================
"""
