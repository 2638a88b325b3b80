"""Modules of every kind: on every path what plain torch makes of them, and row-invariant."""

from __future__ import annotations

import copy
import warnings

import pytest
import torch
from zoo import PAGE, REFUSED, ZOO, Kind, networks_of, rewritten

from deapnets.errors import EvaluationError
from deapnets.networks.chunk import Networks
from deapnets.networks.trees import tensors_of

# torch says it of operations that it loops over itself, without a rule for them.
pytestmark = pytest.mark.filterwarnings("ignore:There is a performance drop:UserWarning")

PATHS = [
    pytest.param(kind, path, id=f"{title}-{path or 'default'}")
    for title, kind in ZOO.items()
    for path in ("", "vmap", "loop")
]


def quietly(networks: Networks, *inputs: torch.Tensor, each: bool = False) -> list[torch.Tensor]:
    """Return the outputs' tensors; that vmap refuses is not what is looked at."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*cannot be vmapped")
        return tensors_of(networks(*inputs, each=each))


def one_by_one(module, networks: Networks, inputs, each: bool) -> list[torch.Tensor]:
    """Return what copies of the module make of the inputs, one after the other: the truth."""
    outputs = []
    for index, row in enumerate(networks.weights()):
        carrier = copy.deepcopy(module).eval()
        networks._layout.load(carrier, row)
        torch.manual_seed(0)  # what modules that draw random numbers find
        with torch.no_grad():
            outputs.append(tensors_of(carrier(*(lot[index] if each else lot for lot in inputs))))
    return [torch.stack(lot) for lot in zip(*outputs, strict=True)]


@pytest.mark.usefixtures("_threads_restored")
@pytest.mark.parametrize(("kind", "path"), PATHS)
@pytest.mark.parametrize("each", [False, True])
def test_every_path_equals_plain_torch_to_rounding(kind: Kind, path, each):
    torch.set_num_threads(1)
    for count in (1, 4):
        module, networks = networks_of(kind, count, path)
        inputs = kind.inputs(count) if each else kind.inputs()
        outputs = quietly(networks, *inputs, each=each)
        expected = one_by_one(module, networks, inputs, each)
        torch.testing.assert_close(outputs, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.usefixtures("_threads_restored")
@pytest.mark.parametrize(("kind", "path"), PATHS)
def test_the_bits_of_a_row_depend_neither_on_its_chunk_nor_on_threads(kind: Kind, path):
    _, networks = networks_of(kind, 64, path)
    inputs = kind.inputs()
    expected = quietly(networks, *inputs)
    for threads in (1, 2):
        torch.set_num_threads(threads)
        for chunk in (1, 3, 16, 64):
            for first in {0, 64 // chunk // 2 * chunk, 63 // chunk * chunk}:
                rows = networks.weights()[first : first + chunk]
                outputs = quietly(Networks(networks._path, networks._layout, rows), *inputs)
                wanted = [whole[first : first + chunk] for whole in expected]
                where = f"chunk {chunk} from {first}, {threads} threads"
                assert all(map(torch.equal, outputs, wanted)), where


@pytest.mark.parametrize("path", ["vmap", "loop"])
@pytest.mark.parametrize("kind", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_scored_fairly_is_refused_in_one_line(kind: Kind, path):
    with pytest.raises(EvaluationError) as error:
        quietly(networks_of(kind, 8, path)[1], *kind.inputs())
    assert f"{error.value}".count("\n") == 0


def test_the_page_has_the_paths_that_the_modules_take():
    page = PAGE.read_text(encoding="utf-8")
    assert rewritten(page) == page, "python tests/networks/zoo.py writes the table anew"


def test_a_module_that_changes_weights_later_than_at_first_is_refused_then():
    class Later(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(6, 3)
            self.calls = 0

        def forward(self, inputs):
            self.calls += 1
            if self.calls > 8:
                self.layer.weight.mul_(2)
            return self.layer(inputs)

    kind = Kind(Later)
    _, networks = networks_of(kind, 1, "loop")
    (inputs,) = kind.inputs()
    for _ in range(6):  # and twice to look at it
        networks(inputs)
    with pytest.raises(EvaluationError, match=r'Later changes its weights in forward \("layer'):
        networks(inputs)


@pytest.mark.parametrize("path", ["vmap", "loop"])
def test_weights_that_are_changed_behind_the_back_of_torch_are_seen_in_any_of_the_first(path):
    class Clips(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(6, 3)

        def forward(self, inputs):
            self.layer.weight.data.clamp_(-0.5, 0.5)
            return self.layer(inputs)

    kind = Kind(Clips)
    _, networks = networks_of(kind, 4, path)
    networks.weights()[:3] /= 100
    networks.weights()[3] *= 100
    (inputs,) = kind.inputs()
    with pytest.raises(EvaluationError, match=r'Clips changes its weights in forward \("layer'):
        quietly(networks, inputs)


def test_the_torch_generator_is_where_it_was_after_a_module_that_draws():
    kind = ZOO["random numbers in `forward`"]
    for path in ("vmap", "loop"):
        _, networks = networks_of(kind, 3, path)
        inputs = kind.inputs()
        for _ in range(2):
            before = torch.get_rng_state()
            networks(*inputs)
            assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("path", ["vmap", "loop"])
def test_sparse_buffers_are_watched_as_others_are(path):
    class Graph(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(6, 3)
            self.register_buffer("edges", torch.eye(Kind(Graph).inputs()[0].shape[0]).to_sparse())

        def forward(self, inputs):
            return torch.sparse.mm(self.edges, self.layer(inputs))

    _, networks = networks_of(Kind(Graph), 3, path)
    (inputs,) = Kind(Graph).inputs()
    (outputs,) = quietly(networks, inputs)
    rows = networks.parameters()
    wanted = inputs @ rows["layer.weight"].mT + rows["layer.bias"][:, None]
    torch.testing.assert_close(outputs, wanted)
