import copy
import random
from concurrent.futures import ThreadPoolExecutor

import torch

import deapnets as dn
from deapnets.engines.base import Job
from deapnets.engines.scoring import Scorer
from deapnets.engines.serial import SerialEngine
from deapnets.evaluators.xor import Xor
from deapnets.genomes.layout import Layout
from deapnets.genomes.nodes import Node
from deapnets.testing import EngineContract


class TestEngines(EngineContract):
    cases = [
        ("serial", {}),
        ("serial", {"chunk": 2}),
        ("processes", {"workers": 2}),
        (lambda: ThreadPoolExecutor(2), {}),
    ]


def engine(**options):
    return SerialEngine(Scorer(torch.device("cpu"), 1 << 20, **options))


def nodes_of(task, count):
    layout = Layout.of(task.genome())
    return [Node(layout, torch.randn(layout.width)) for _ in range(count)]


def test_map_yields_chunks_in_order():
    task = Xor()
    chunks = list(engine(chunk=3).map(Job(task), nodes_of(task, 8)))
    assert [(scored.first, len(scored.values)) for scored in chunks] == [(0, 3), (3, 3), (6, 2)]


def test_a_stream_gives_the_scores_of_the_map_one_by_one():
    task = Xor()
    nodes = nodes_of(task, 7)
    mapped = torch.cat([scored.values for scored in engine().map(Job(task), nodes)])
    streamed = list(engine().stream(Job(task), iter(nodes), 3))
    assert [scored.first for scored in streamed] == list(range(7))
    assert torch.equal(torch.cat([scored.values for scored in streamed]), mapped)


def test_a_stream_asks_for_the_next_node_when_the_oldest_score_was_taken():
    task = Xor()
    asked = []

    def source():
        for index, node in enumerate(nodes_of(task, 6)):
            asked.append(index)
            yield node

    seen = [len(asked) for _ in engine().stream(Job(task), source(), 2)]
    assert seen == [2, 3, 4, 5, 6, 6]


def test_scores_are_the_same_whatever_torchs_default_type_is(individual_class):
    net, inputs = torch.nn.Linear(6, 2), torch.randn(8, 6)
    random.seed(3)
    population = [dn.initWeights(individual_class, net, sigma=0.3) for _ in range(3)]
    population += dn.cxUniform(*(copy.deepcopy(one) for one in population[:2]), indpb=0.5)
    found = []
    for default in (torch.float32, torch.float64):
        torch.set_default_dtype(default)
        try:
            task = dn.Supervised(net, inputs, torch.arange(8) % 2)
            found.append(dn.PopulationMap(device="cpu")(task, population))
        finally:
            torch.set_default_dtype(torch.float32)
    assert found[0] == found[1]
