"""Plugins: what installed distributions, or one file, bring to deapnets.

==========  ==================================================================================
module      concept
==========  ==================================================================================
discovery   found by metadata alone, then loaded, then usable: three immutable types
scripts     plugins of one file, without packaging: ``FILE.py:CLASS``
options     keywords of a constructor, as the command line reads and explains them
templating  a new plugin, from the files of ``examples/plugin-template``
==========  ==================================================================================
"""

from deapnets.plugins.discovery import (
    COMMANDS,
    DISTRIBUTIONS,
    EVALUATORS,
    GROUPS,
    LOGGERS,
    STRATEGIES,
    STUDIES,
    FoundPlugin,
    LoadedPlugin,
    UsablePlugin,
    find,
    get,
    origin_of,
)

__all__ = [
    "COMMANDS",
    "DISTRIBUTIONS",
    "EVALUATORS",
    "GROUPS",
    "LOGGERS",
    "STRATEGIES",
    "STUDIES",
    "FoundPlugin",
    "LoadedPlugin",
    "UsablePlugin",
    "find",
    "get",
    "origin_of",
]
