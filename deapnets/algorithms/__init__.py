"""Loops over generations, next to DEAP's own.

============  ================================================================
module        concept
============  ================================================================
base          what a run drives: `Algorithm`, made from `Settings`
books         DEAP's logbook and hall of fame, and their state
breeding      what loops share: breeding and evaluating a generation
generational  `eaGenerational`: DEAP's generational loop as an iterator
islands       `eaIslands`: populations that evolve apart, as an iterator
ga            the command line's ``ga``: its settings, toolbox and schedule
============  ================================================================
"""
