"""Where the lines of a run's log go beside ``log.jsonl``.

===========  ===================================================
module       concept
===========  ===================================================
base         `Logger`: the contract
tensorboard  ``--log tensorboard``: curves for TensorBoard
===========  ===================================================
"""
