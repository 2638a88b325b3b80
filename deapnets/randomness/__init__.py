"""Random numbers that are the same everywhere: pure functions of seed, stream and element index.

A recipe must give the same weights in any chunk, order, process and device, so its numbers do not
come from a generator with a state. Word ``i`` of stream ``s`` of seed ``k`` is a hash of
``(k, s, i)`` in 64-bit integers; noise is a constant table read with 16 of its bits; masks and
positions are made from the bits alone. Nothing here rounds, so nothing here can differ.

`docs/recipes.md` writes the mechanism down with test vectors; `RECIPE_VERSION` names that page's
version. The tables of noise are those of `deapnets.distributions`.

=========  =======================================================================
module     concept
=========  =======================================================================
hashing    seed, stream and counter to a word of 64 bits
distances  words to geometric distances: how far it is to the next position
draws      `Draw`: the numbers of several children at once
streams    `Stream`: numbers for what happens once a generation
=========  =======================================================================
"""

from deapnets.randomness.draws import RECIPE_VERSION, SPARSE_BELOW, Draw, Positions
from deapnets.randomness.streams import Stream

__all__ = ["RECIPE_VERSION", "SPARSE_BELOW", "Draw", "Positions", "Stream"]
