"""Whether what is installed works: every plugin, and the machine under it.

============  ================================================================================
module        concept
============  ================================================================================
checks        `Check`: how far a plugin comes, tried in a process of its own
probing       what that process finds out; ``python -m deapnets.checking`` is the process
requirements  what a distribution asks for, beside what is there
diagnosis     `Finding`: what ``deapnets doctor`` looked at
============  ================================================================================
"""
