"""A run: from a configuration to a directory that holds everything about it.

===========  ==========================================================================
module       concept
===========  ==========================================================================
budget       when a run ends, and how much of it is spent
configuring  `Configuration`: every setting of a run, as its ``config.json``
directory    the files of a run, written so that a reader never sees half of one
environment  versions and hardware
packing      a state as JSON and tensors, and back
champion     the network a run saves, chosen on the validation split
running      `Run`: generation after generation, with a log line each
curve        the picture of the learning curve
===========  ==========================================================================
"""
