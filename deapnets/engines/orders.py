"""`Order`: the tasks of one call, and whatever workers need for them."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import Any, final

import numpy as np
import torch

from deapnets.engines.base import Job
from deapnets.engines.crew import Crew
from deapnets.engines.keeping import may_be_kept
from deapnets.engines.messages import Task
from deapnets.engines.packing import pack
from deapnets.engines.sending import Machine, Sender
from deapnets.engines.shipping import Shipment
from deapnets.genomes.layout import Layout
from deapnets.genomes.nodes import Node


@final
class Order:
    """Writes tasks for the nodes of one call.

    Parameters
    ----------
    job
        What is done with them.
    crew
        Who does it.
    sender
        Tells what is to be sent of the evaluator.
    machine
        What workers' scorers are made with.
    name
        A name that no other order has.
    """

    def __init__(self, job: Job, crew: Crew, sender: Sender, machine: Machine, name: str) -> None:
        self.job = job
        self.nodes: dict[int, Node] = {}
        self._crew = crew
        self._sender = sender
        self._machine = machine
        self._keywords = pickle.dumps(dict(job.keywords))
        self._shipment = Shipment(crew.pool, crew.publish, name)
        self._supplies: dict[str, bytes] = {}
        self._published: dict[str, Any] = {}
        self._spec = self._state = ""

    def add(self, nodes: Sequence[Node], first: int) -> None:
        """Add nodes of one layout, numbered from ``first`` on, and ship what they are made from."""
        layout = nodes[0].layout
        self._spec, spec = self._sender.spec(self.job.evaluator, layout, self._machine)
        self._state, state = self._sender.state(self.job.evaluator)
        self._supplies = {self._spec: spec, self._state: state}
        self.nodes.update(enumerate(nodes, first))
        self._shipment.add(nodes)

    @property
    def spec(self) -> str:
        """Name of the evaluator's spec."""
        return self._spec

    def task(self, numbers: Sequence[int]) -> tuple[Task, list[torch.Tensor]]:
        """Return the task for some nodes, and the blocks where their weights are going to be."""
        nodes = [self.nodes[number] for number in numbers]
        places = {id(node): at for at, node in enumerate(nodes) if may_be_kept(node)}
        children = list(places.values())  # clones share a node
        room = self._room(len(children), nodes[0].layout)
        kept = children[: sum(map(len, room))]
        first = self._crew.pool.row_of(room[0]) if self._crew.pool is not None and room else None
        task = Task(
            spec=self._spec,
            state=self._state,
            nodes=pack(nodes, self._shipment.place),
            keywords=self._keywords,
            room=first or 0,
            kept=np.array(kept, np.int32),
        )
        return task, room

    def supply(self, name: str) -> Any:
        """Return what a worker misses."""
        if name not in self._supplies:
            return self._shipment.supply(name)
        if name not in self._published:
            self._published[name] = self._crew.publish(self._supplies[name])
        return self._published[name]

    def _room(self, count: int, layout: Layout) -> list[torch.Tensor]:
        """Return blocks for so many rows, or for as many as there is room for."""
        while count and self._crew.pool is not None:
            blocks = self._crew.pool.rows(count, layout)
            if blocks is not None:
                return blocks
            count //= 2
        return []
