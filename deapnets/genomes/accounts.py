"""Who counts the weights that operators store between two evaluations."""

from __future__ import annotations

from typing import Protocol
from weakref import WeakValueDictionary

from deapnets.genomes.layout import Layout
from deapnets.genomes.nodes import Node


class Account(Protocol):
    """Somebody with a budget of memory: see `deapnets.engines.scoring.Scorer`."""

    def take(self, node: Node) -> None:
        """Count the weights of a node that an operator has just stored.

        Raises
        ------
        MemoryBudgetError
            When the budget does not hold them.
        """


_ACCOUNTS: WeakValueDictionary[Layout, Account] = WeakValueDictionary()


def open_account(layout: Layout, account: Account) -> None:
    """Let an account count what is stored of a layout, as long as it lives; the last one counts."""
    _ACCOUNTS[layout] = account


def stored(node: Node) -> None:
    """Say that a node was settled outside of an evaluation."""
    account = _ACCOUNTS.get(node.layout)
    if account is not None:
        account.take(node)
