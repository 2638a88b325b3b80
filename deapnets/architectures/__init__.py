"""Search spaces: genomes whose genes are the structure of a network, not its weights.

==========  ============================================================================
module      concept
==========  ============================================================================
spaces      `SearchSpace`: what structures there are; `SpaceGenome`: one of them, an individual
choices     `ChoiceSpace`: rows of decisions; `ChoiceGenome`: one of them
operations  `Operation`: what may stand on an edge of a cell
cells       `CellSpace`, `CellGenome`: networks that repeat a small cell
canonical   one form for all cells that compute the same
decoding    cells to torch modules
counting    parameters and floating-point operations
drawing     cells as pictures
graphs      `GraphSpace`, `GraphGenome`: networks that grow
growing     `Graph` and its eleven mutations
merging     graphs to torch modules
proxies     what untrained networks promise: sizes, synflow, naswot
==========  ============================================================================
"""
