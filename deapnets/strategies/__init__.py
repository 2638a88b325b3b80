"""Evolution strategies in DEAP's ask-and-tell form: ``generate`` and ``update``.

==========  ===================================================================================
module      concept
==========  ===================================================================================
base        `Strategy`: children are recipes round a centre, which follows their fitness
sampling    the recipes of the children, and weighted sums of their noise made again
shaping     fitness to utilities: z-scores, ranks, as they are; outliers drawn in
optimisers  how a centre follows an estimated gradient: Adam, SGD, ClipUp
schedules   numbers that fall as the budget is spent
openes      `OpenES`: one step size for all weights, pairs of mirrored children, any rank
separable   `SeparableStrategy`: what the three below share, a deviation for each weight
pgpe        `PGPE`: a deviation for each weight, ClipUp
snes        `SNES`: a deviation for each weight, natural gradients
sepcma      `SepCMA`: a deviation for each weight, and paths that remember where it went
==========  ===================================================================================
"""
