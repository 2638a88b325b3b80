import warnings

import pytest
import torch
from torch import nn

TORCH_LOOPS_ITSELF = "ignore:There is a performance drop:UserWarning"


class Skip(nn.Module):
    """A forward by hand: two layers, a free parameter, a buffer, a sum past the first layer."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(3, 3)
        self.scale = nn.Parameter(torch.ones(3))
        self.register_buffer("shift", torch.tensor([0.1, 0.2, 0.3]))
        self.last = nn.Linear(3, 2)

    def forward(self, inputs):
        return self.last(inputs + self.scale * torch.tanh(self.first(inputs)) + self.shift)


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)
        self.norm = nn.LayerNorm(4)

    def forward(self, inputs):
        attended, _ = self.attention(inputs, inputs, inputs, need_weights=False)
        return self.norm(inputs + attended).mean(1)


class TwoInputs(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(5, 2)

    def forward(self, left, right):
        return self.layer(torch.cat([left, right], 1))


class LastStep(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell = nn.LSTM(3, 4, batch_first=True)
        self.head = nn.Linear(4, 2)

    def forward(self, inputs):
        return self.head(self.cell(inputs)[0][:, -1])


class Branches(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 2)

    def forward(self, inputs):
        outputs = self.layer(inputs)
        return outputs if outputs.sum() > 0 else -outputs


class Pair(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 2)

    def forward(self, inputs):
        return self.layer(inputs), inputs


MODULES = {
    "convolutions": (
        lambda: nn.Sequential(
            nn.Conv2d(1, 3, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(27, 2)
        ),
        (1, 8, 8),
    ),
    "batch norm": (lambda: nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)).eval(), (3,)),
    "layer norm": (lambda: nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4)), (3,)),
    "by hand": (Skip, (3,)),
    "attention": (Attention, (5, 4)),
    "dropout": (lambda: nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5)), (3,)),
    "embedded chain": (lambda: nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)), (3,)),
}


@pytest.fixture(params=MODULES)
def case(request):
    make, shape = MODULES[request.param]
    return make(), shape


@pytest.mark.filterwarnings(TORCH_LOOPS_ITSELF)
@pytest.mark.parametrize("path", ["vmap", "loop", ""])
@pytest.mark.parametrize("count", [1, 4])
@pytest.mark.parametrize("each", [False, True])
def test_a_module_equals_plain_torch_to_rounding(case, path, count, each, networks_of, plain_loop):
    module, shape = case
    networks = networks_of(module, count, path)
    inputs = torch.randn(*([count] if each else []), 6, *shape)
    expected = plain_loop(module, networks, inputs, each=each)
    torch.testing.assert_close(networks(inputs, each=each), expected)


@pytest.mark.parametrize("count", [1, 4])
@pytest.mark.parametrize("each", [False, True])
def test_a_module_may_take_several_inputs(count, each, networks_of, plain_loop):
    module = TwoInputs()
    networks = networks_of(module, count, "vmap")
    lots = [count] if each else []
    inputs = (torch.randn(*lots, 6, 3), torch.randn(*lots, 6, 2))
    expected = plain_loop(module, networks, *inputs, each=each)
    torch.testing.assert_close(networks(*inputs, each=each), expected)


def test_frozen_parameters_are_shared_by_all(networks_of, plain_loop):
    module = Skip()
    module.first.requires_grad_(False)
    module.shift.fill_(2.0)
    networks = networks_of(module, path="vmap")
    inputs = torch.randn(6, 3)
    assert set(networks.parameters()) == {"scale", "last.weight", "last.bias"}
    torch.testing.assert_close(networks(inputs), plain_loop(module, networks, inputs))


@pytest.mark.parametrize(
    ("make", "shape", "path"),
    [(LastStep, (6, 5, 3), "vmap"), (Branches, (6, 3), "")],
    ids=["LSTM", "branch"],
)
def test_what_vmap_refuses_is_looped_and_said_once(make, shape, path, networks_of, plain_loop):
    module, inputs = make(), torch.randn(*shape)
    networks = networks_of(module, path=path)
    said = f"{make.__name__} cannot be vmapped and is evaluated one network after the other: "
    with pytest.warns(UserWarning, match=said) as caught:
        outputs = networks(inputs)
    assert len(caught) == 1
    torch.testing.assert_close(outputs, plain_loop(module, networks, inputs))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert torch.equal(networks(inputs), outputs)


def test_the_name_of_a_path_that_fell_to_the_loop_is_loop(networks_of):
    networks = networks_of(LastStep(), path="vmap")
    assert networks._path.name == "vmap"
    with pytest.warns(UserWarning, match="cannot be vmapped"):
        networks(torch.randn(6, 5, 3))
    assert networks._path.name == "loop"


def test_a_fault_of_the_module_itself_is_no_reason_to_loop(networks_of):
    networks = networks_of(Skip())
    with pytest.raises(RuntimeError, match=r"The size of tensor|shapes cannot be multiplied"):
        networks(torch.randn(6, 5))
    assert networks._path.name == "vmap"


@pytest.mark.parametrize("path", ["vmap", "loop"])
def test_a_tuple_of_outputs_comes_back_as_one(path, networks_of):
    networks, inputs = networks_of(Pair(), path=path), torch.randn(6, 3)
    outputs = networks(inputs)
    assert isinstance(outputs, tuple)
    assert [tuple(output.shape) for output in outputs] == [(5, 6, 2), (5, 6, 3)]
    assert torch.equal(outputs[1][3], inputs)
