"""What several runs say together.

===========  ==========================================================================
module       concept
===========  ==========================================================================
statistics   paired tests, corrections, effect sizes, intervals, and a verdict in words
comparison   `Comparison`: algorithms on one evaluator at equal budgets, run and tested
curves       the picture of a comparison: median curves and bands
===========  ==========================================================================
"""
