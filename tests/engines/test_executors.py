import pytest

import deapnets as dn
from deapnets.testing import EngineContract

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


class TestDask(EngineContract):
    cases = [("dask", {})]

    @pytest.fixture
    def mapping(self, case, executor):
        return self.make(executor, case[1])


def test_what_an_evaluator_raises_comes_back(trouble, lone_population, executor):
    with pytest.raises(KeyError, match="no such thing"):
        dn.PopulationMap(engine=executor)(trouble("raise", times=99), lone_population())
