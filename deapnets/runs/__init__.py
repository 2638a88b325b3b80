"""A run: from a configuration to a directory that holds everything about it.

===========  ==========================================================================
module       concept
===========  ==========================================================================
budget       when a run ends, and how much of it is spent
configuring  `Configuration`: every setting of a run, as its ``config.json``
directory    the files of a run, written so that a reader never sees half of one
environment  versions and hardware
networks     networks as a table of weights and recipes
packing      a state as JSON and tensors, and back
tensors      tensors to a safetensors file, row by row
snapshots    the last two snapshots of a state, with checksums
journal      scores of the generation under way, so that nothing is paid twice
ancestry     whom the living descend from
progeny      how many children are better than their parents
trace        `Trace`: what a report tells beside the log
pacing       when a state is to be saved again
drawing      where the random generators of the process stand
resuming     a `Configuration` from the ``config.json`` of a run that is there
champion     the network a run saves, chosen on the validation split
checkpointer `Checkpointer`: snapshots for a script's own loop
running      `Run`: generation after generation, with a log line each
logging      the loggers of a run, none of which can be its end
exporting    a run's best network on its own, and as a file that other programs read
predicting   what it says of inputs that were no part of the run
status       what a directory says of its run: ``deapnets show``, ``deapnets runs``
figures      how pictures look: sizes, colours, what is left out
curve        the picture of the learning curve
===========  ==========================================================================
"""
