import copy
import random

import pytest

import deapnets as dn

distributed = pytest.importorskip("distributed", reason="needs distributed")
pytest.importorskip("cloudpickle", reason="workers need cloudpickle")

# Sockets that the library leaves to the collector are its own affair.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.usefixtures("collected"),
]


@pytest.fixture(scope="module")
def executor():
    """Return an executor of two of Dask's worker processes."""
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client.get_executor()


def three_generations(task, individual_class):
    """Return populations that were bred before anybody was scored."""
    population = [dn.initWeights(individual_class, task.genome(), sigma=0.3) for _ in range(24)]
    generations = [population]
    for _ in range(2):
        children = copy.deepcopy(random.sample(generations[-1], 24))
        for first, second in zip(children[::2], children[1::2], strict=True):
            dn.cxUniform(first, second, indpb=0.5)
            dn.mutGaussian(first, sigma=0.1, indpb=0.2)
        generations.append(children)
    return generations


@pytest.mark.parametrize("name", ["all rows", "mini-batch", "silent state", "state"])
def test_dask_gives_the_scores_of_one_process(tasks, executor, individual_class, name):
    """Of one and the same children: Dask draws from Python's `random` in threads of its own."""
    generations = three_generations(tasks[name](), individual_class)
    found = []
    for engine in ("serial", executor):
        task, mapping = tasks[name](), dn.PopulationMap(seed=5, engine=engine)
        populations = copy.deepcopy(generations)
        scores = []
        for population in populations:
            with mapping.generation():
                scores.append(mapping(task, population))
        records = [dict(one.records) for one in populations[-1]]
        found.append((scores, records, mapping.forwards))
    assert found[0] == found[1]


def test_what_an_evaluator_raises_comes_back(trouble, lone_population, executor):
    with pytest.raises(KeyError, match="no such thing"):
        dn.PopulationMap(engine=executor)(trouble("raise", times=99), lone_population())
