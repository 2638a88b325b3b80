"""Noise by name: one table of 65,536 quantiles a distribution.

======  ==================================================================================
module  concept
======  ==================================================================================
base    `Distribution`: what a plugin of the group ``deapnets.distributions`` brings
named   deapnets' own fifteen, registered as plugins register theirs
tables  `noise_table`: a name to the table that 16 random bits are looked up in
======  ==================================================================================
"""
