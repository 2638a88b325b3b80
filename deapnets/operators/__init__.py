"""What is registered on a toolbox: initialisation, crossover, mutation, selection.

==============  ============================================
module          concept
==============  ============================================
contract        `operator`: one vectorised core, called as DEAP calls operators
initialisation  ``init...``: a population from a module
ancestors       the leaves that populations start from
crossover       ``cx...``: two parents
mutation        ``mut...``: one parent
selection       ``sel...``: who becomes a parent
==============  ============================================
"""
