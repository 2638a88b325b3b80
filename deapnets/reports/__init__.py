"""What a run says, and what several say together.

===========  ==========================================================================
module       concept
===========  ==========================================================================
statistics   paired tests, corrections, effect sizes, intervals, and a verdict in words
comparison   `Comparison`: algorithms on one evaluator at equal budgets, run and tested
rows         `Row`: what a comparison says of one algorithm, and what is tested
studies      `StudyFile`: cells that a killed study goes on with, and how they are tested
courses      what a search would have returned at each moment, where that can be looked up
curves       the picture of a comparison: median curves and bands
report       `report_of`: one page about one run, or several
story        `Story`: all that a run's directory tells, also a damaged one
words        the verdict on a run, in words
charts       `Chart`: one figure, as Plotly takes it
learning     learning curves
evolving     how a run evolved: weights, diversity, operators, time, ancestors
searching    figures of searches: dots, Pareto front, the winner's ancestors
wiring       architectures as drawings
confusion    which class is taken for which, and the worst mistakes as pictures
pixels       pixels as a PNG
retraining   `Retraining`: the best architectures of a search, trained again
repeating    the command that runs a run again
page         the page itself: escaped, in one file, with what its script and style need
===========  ==========================================================================
"""
