"""Files that people have, and files that are written.

===========  ==========================================================================
module       concept
===========  ==========================================================================
arrays       arrays from pictures, IDX files and numpy's own
idx          the format in which MNIST and its look-alikes are published
downloading  `Source`: published files, looked for here and downloaded once
locking      one process a directory
whole        files that are written whole or not at all, also when the power fails
===========  ==========================================================================
"""
