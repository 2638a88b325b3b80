"""Loops over generations, next to DEAP's own.

============  ================================================================
module        concept
============  ================================================================
base          what a run drives: `Algorithm`, made from `Settings`
books         the state of DEAP's logbook and hall of fame
generational  `eaGenerational`: DEAP's generational loop as an iterator
ga            the command line's ``ga``: its settings, toolbox and schedule
============  ================================================================
"""
