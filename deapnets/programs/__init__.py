"""Programs that evolve: DEAP's GP trees, computed by torch on whole tensors.

============  =====================================================================================
module        concept
============  =====================================================================================
functions     protected operators with stated domains; `primitive_set`
trees         trees as text, and back without `eval`; which nodes are constants
compiling     `Programs`: many trees as one list of steps, what they share computed once
tuning        constants: (1+1)-ES, Adam, and one of them shaken
fingerprints  names of trees by what they compute
spaces        `ProgramSpace`: which trees there are; `ProgramGenome`: one that knows its space
reducing      smaller trees that compute the same
printing      trees as mathematics, torch source and pictures
============  =====================================================================================
"""
