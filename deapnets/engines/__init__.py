"""Where the networks of a generation are made and scored.

========  ==================================================================================
module    concept
========  ==================================================================================
scoring   nodes to rows to networks to scores, in one process: `Scorer`
families  children of low rank of one base, scored without making their weights
base      `Engine`: where that happens, and `Job`: what is asked for
serial    this process
faults    fitness that cannot be used, and what is written down about it
========  ==================================================================================
"""
