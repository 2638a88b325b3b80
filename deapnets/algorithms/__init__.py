"""Loops over generations, next to DEAP's own.

=============  ================================================================================
module         concept
=============  ================================================================================
base           what a run drives: `Algorithm`, made from `Settings`
books          DEAP's logbook and hall of fame, and their state
breeding       what loops share: breeding and evaluating a generation
loop           `Loop`: what these share as iterators
generational   `eaGenerational`: DEAP's generational loop as an iterator
mulambda       `eaMuPlusLambda`, `eaMuCommaLambda`: DEAP's two as iterators
islands        `eaIslands`: populations that evolve apart, as an iterator
asking         `eaGenerateUpdate`: DEAP's ask-and-tell loop as an iterator
search         `Search`: the steady state of all searches of architectures
aging          `eaAging`, `eaNonAging`, `eaPairs`
sampling       `eaRandom`, `eaLocal`
reinforce      `eaReinforce`
halving        successive halving
screening      `Screening`: of several children the one that a proxy likes best
ledger         what a search has seen
trials         individuals on their way
searches       the command line's searches: settings and steps
ga             the command line's ``ga``: its settings, toolbox and schedule
programs       the command line's ``gp``: the generational loop on programs
strategy       the command line's ``es``, ``pgpe``, ``snes``, ``sepcma``: strategies with settings
descent        the command line's ``adam``: back-propagation, as a baseline
randomweights  the command line's ``random`` of weights, as a baseline
=============  ================================================================================
"""
