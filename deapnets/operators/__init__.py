"""What is registered on a toolbox: initialisation, crossover, mutation, selection.

==============  ============================================
module          concept
==============  ============================================
contract        `operator`: one vectorised core, called as DEAP calls operators
initialisation  ``init...``: a population from a module
ancestors       the leaves that populations start from
states          trained weights as people bring them: state_dicts, modules, arrays
crossover       ``cx...``: two parents
alignment       ``cxAligned``: two parents whose units are matched first
mutation        ``mut...``: one parent
lowrank         `mutLowRank`: noise of low rank for every weight matrix
selfadapting    ``mut...`` with step sizes that are inherited
selection       ``sel...``: who becomes a parent
schedules       parameters that change over a run
parts           which columns of a row are a parameter, a layer, a unit
exact           sums whose bits do not depend on their order
graphs          individuals that are graphs which grow: ``initGraph, mutGraph``
choices         individuals of search spaces: ``initCell, mutCell, cxCell``
programs        individuals that are programs: ``initProgram, mutProgram, cxProgram``
kinds           what those demand of the individuals and spaces they are given
==============  ============================================
"""
