import os
import re
import socket
import time
from types import SimpleNamespace

import pytest
import torch

import deapnets as dn
from deapnets.engines.actors import _connect
from deapnets.errors import EngineError, EvaluationError, OptionError
from deapnets.evaluators.bitstring import BitString

ray = pytest.importorskip("ray", reason="needs deapnets[ray]")
pytest.importorskip("cloudpickle", reason="workers need cloudpickle")

# Sockets that the library leaves to the collector are its own affair.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.usefixtures("collected"),
]

TASKS = ["all rows", "mini-batch", "silent state", "state"]


@pytest.fixture(scope="module")
def ray_map():
    mapping = dn.PopulationMap(engine="ray", workers=2, seed=5)
    yield mapping
    mapping.close()
    ray.shutdown()


@pytest.fixture
def two_actors(ray_map):
    ray_map.load_state_dict(dn.PopulationMap(seed=5).state_dict())
    ray_map.faults, ray_map.on_error = [], "raise"
    ray_map._engine.crew.time_limit = None
    return ray_map


@pytest.mark.parametrize("name", TASKS)
def test_two_actors_give_the_run_of_one_process(evolve, tasks, two_actors, name):
    expected = evolve(tasks[name](), dn.PopulationMap(seed=5))
    assert evolve(tasks[name](), two_actors) == expected


def test_an_actor_that_dies_costs_its_task_alone(two_actors, trouble, lone_population):
    population = lone_population()
    scores = two_actors(trouble("die"), population)
    assert scores == [(pytest.approx(float(one.weights.sum())),) for one in population]
    (fault,) = two_actors.faults
    assert "ActorDiedError" in fault["worker"]


def test_an_actor_that_hangs_is_stopped(two_actors, trouble, lone_population):
    two_actors._engine.crew.time_limit = 1.0
    population = lone_population()
    scores = two_actors(trouble("hang"), population)
    assert scores == [(pytest.approx(float(one.weights.sum())),) for one in population]
    assert [fault["worker"] for fault in two_actors.faults] == ["took longer than 1 s"]


def test_an_individual_that_is_the_end_of_three_actors_is_named(
    two_actors, trouble, lone_population
):
    population = lone_population(bad=(1,))
    said = f"Individual {population[1].digest[:8]} (generation 0) was given up: three workers were"
    with pytest.raises(EvaluationError, match=re.escape(said)):
        two_actors(trouble("die", times=99), population)


def test_what_an_evaluator_raises_comes_back(two_actors, trouble, lone_population):
    with pytest.raises(KeyError, match="no such thing"):
        two_actors(trouble("raise", times=99), lone_population())


def test_actors_are_an_executor_of_any_calls(two_actors):
    evaluator = BitString(bits=9, noise=0.1)
    individuals = [dn.initChoices(dn.ChoiceGenome, evaluator.space()) for _ in range(5)]
    executor = two_actors.executor()
    futures = [executor.submit(evaluator.outcome, one, 1.0, 7) for one in individuals]
    here = [evaluator.outcome(one, 1.0, 7) for one in individuals]
    assert [future.result() for future in futures] == here


def test_a_node_that_is_lost_is_survived(tmp_path, individual_class):
    """One node has a slow actor when it goes; one that joins later takes a worker in."""
    cluster_utils = pytest.importorskip("ray.cluster_utils")
    ray.shutdown()

    class Slow(dn.Evaluator):
        net = torch.nn.Linear(3, 1)

        def genome(self):
            return self.net

        def evaluate(self, networks):
            import ray

            node = ray.get_runtime_context().get_node_id()
            (tmp_path / f"{node}-{os.getpid()}").touch()
            time.sleep(0.1 * len(networks))
            return networks.weights().sum(1)

    try:
        cluster = cluster_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
        second = cluster.add_node(num_cpus=1)
    except SystemExit:  # what Ray does when its own services are not up in time
        pytest.skip("Ray's services did not start in time on this machine")
    mapping = dn.PopulationMap(engine="ray", address=cluster.address, seed=5)
    try:
        task = Slow()
        population = [dn.initWeights(individual_class, task.net, sigma=0.3) for _ in range(50)]
        expected = [(float(one.weights.sum()),) for one in population]
        taken = []

        def lose_a_node(individuals, scored):
            nodes = {path.name.partition("-")[0] for path in tmp_path.iterdir()}
            if len(nodes) == 2 and not taken:
                taken.append(cluster.remove_node(second, allow_graceful=False))

        mapping.on_scores = lose_a_node
        scores = mapping(task, population)
        assert taken, "both nodes had an actor"
        assert scores == [(pytest.approx(value, rel=1e-5),) for (value,) in expected]
        assert len(mapping.faults) == 1

        mapping.on_scores = None
        cluster.add_node(num_cpus=1)
        for path in tmp_path.iterdir():
            path.unlink()
        joined = 0
        for _ in range(20):
            mapping(task, population[:10])
            joined = len({path.name.partition("-")[0] for path in tmp_path.iterdir()})
            if joined == 2:
                break
        assert joined == 2
    finally:
        mapping.close()
        ray.shutdown()
        cluster.shutdown()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def test_without_an_address_a_cluster_is_started_whatever_runs_here_already(monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    told = []
    _connect(SimpleNamespace(init=lambda **words: told.append(words)), None, 2)
    assert [(words["address"], words["num_cpus"]) for words in told] == [("local", 2)]


def test_an_address_where_nobody_listens_is_said():
    ray.shutdown()
    address = f"127.0.0.1:{free_port()}"
    said = rf"^No Ray cluster at {address}: .*refused\. Start one there with: ray start --head$"
    with pytest.raises(EngineError, match=said):
        dn.PopulationMap(engine="ray", address=address)


def test_an_address_that_is_none_is_refused():
    ray.shutdown()
    said = 'address is HOST:PORT, ray://HOST:PORT or "auto"; got "somewhere".'
    with pytest.raises(OptionError, match=re.escape(said)):
        dn.PopulationMap(engine="ray", address="somewhere")
