import re
from itertools import pairwise

import pytest
import torch
from torch import nn

from deapnets.errors import LayoutError, OptionError
from deapnets.genomes.layout import Layout
from deapnets.networks.chunk import Networks
from deapnets.networks.paths import choose_path

CPU = torch.device("cpu")


def mlp(*widths: int) -> nn.Module:
    layers: list[nn.Module] = []
    for width, following in pairwise(widths):
        layers += [nn.Linear(width, following), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def small_cnn() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8 * 25, 10)
    )


def normalised_mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(784, 128), nn.LayerNorm(128), nn.ReLU(), nn.Linear(128, 10))


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (mlp(3, 4, 2), "stacked"),
        (nn.Linear(3, 2), "stacked"),
        (small_cnn(), "stacked"),
        (normalised_mlp(), "vmap"),
        (nn.LSTM(3, 4), "loop"),
    ],
    ids=["mlp", "linear", "cnn", "layer norm", "lstm"],
)
def test_a_module_takes_the_path_that_suits_it(module, name):
    assert choose_path(module, Layout.of(module), CPU).name == name


@pytest.mark.parametrize("wish", ["stacked", "vmap", "loop"])
def test_a_wish_decides(wish):
    module = mlp(3, 4, 2)
    assert choose_path(module, Layout.of(module), CPU, wish).name == wish


def test_an_unknown_path_is_refused_with_the_near_one():
    module = mlp(3, 4, 2)
    said = 'Unknown path "stakced". Did you mean "stacked"? Valid: loop, stacked, vmap.'
    with pytest.raises(OptionError, match=re.escape(said)):
        choose_path(module, Layout.of(module), CPU, "stakced")


def test_what_is_no_chain_cannot_be_wished_stacked():
    module = normalised_mlp()
    said = (
        "Sequential is no chain of layers and activations that can be stacked; "
        'use path="vmap" or path="loop".'
    )
    with pytest.raises(LayoutError, match=re.escape(said)):
        choose_path(module, Layout.of(module), CPU, "stacked")


@pytest.mark.parametrize("path", ["stacked", "vmap", "loop"])
def test_the_module_given_is_left_as_it_was(path, networks_of):
    module = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Linear(4, 2)).double().train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    networks_of(module, path=path)(torch.randn(6, 3))
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert module.training
    assert all(parameter.requires_grad for parameter in module.parameters())


@pytest.mark.parametrize("path", ["stacked", "vmap", "loop"])
def test_networks_are_in_evaluation_mode(path, networks_of):
    module = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Linear(4, 2))
    networks, inputs = networks_of(module, path=path), torch.randn(6, 3)
    assert torch.equal(networks(inputs), networks(inputs))


@pytest.mark.parametrize("path", ["vmap", "loop"])
def test_a_module_in_double_precision_runs_in_single(path, networks_of, plain_loop):
    module = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)).double().eval()
    module[0].requires_grad_(False)
    networks, inputs = networks_of(module, path=path), torch.randn(6, 3)
    expected = plain_loop(module.float(), networks, inputs)
    torch.testing.assert_close(networks(inputs), expected)


ROW_INVARIANT = {
    "mlp 784-128-10": (lambda: mlp(784, 128, 10), (200, 784)),
    "mlp 30-25-10": (lambda: mlp(30, 25, 10), (200, 30)),
    "small cnn": (small_cnn, (16, 1, 12, 12)),
    "layer norm": (normalised_mlp, (200, 784)),
}


@pytest.mark.usefixtures("_threads_restored")
@pytest.mark.parametrize("name", ROW_INVARIANT)
def test_the_bits_of_a_row_depend_neither_on_its_chunk_nor_on_threads(name, networks_of):
    make, shape = ROW_INVARIANT[name]
    module, inputs = make(), torch.randn(*shape)
    layout = Layout.of(module)
    whole = networks_of(module, 64)
    path, rows = whole._path, whole.weights()
    expected = whole(inputs)
    for threads in (1, 2):
        torch.set_num_threads(threads)
        for chunk in (1, 3, 16, 64):
            lots = list(zip(rows.split(chunk), expected.split(chunk), strict=True))
            for lot, outputs in {lots[0], lots[len(lots) // 2], lots[-1]}:
                where = f"chunk {chunk}, {threads} threads"
                assert torch.equal(Networks(path, layout, lot)(inputs), outputs), where


class Clock(nn.Module):
    """Subtracts a time with more digits than float32 has."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 2)
        self.register_buffer("began", torch.tensor(1.7e9 + 1, dtype=torch.float64))

    def forward(self, inputs):
        return self.layer(inputs) * (1.7e9 + 3 - self.began)


@pytest.mark.parametrize("path", ["vmap", "loop"])
def test_buffers_keep_their_digits(path, networks_of, plain_loop):
    module, inputs = Clock(), torch.randn(6, 3)
    networks = networks_of(module, path=path)
    torch.testing.assert_close(networks(inputs), plain_loop(module, networks, inputs))


def test_what_a_module_of_float64_holds_is_in_float32(networks_of, plain_loop):
    module, inputs = Clock().double(), torch.randn(6, 3)
    networks = networks_of(module, path="loop")
    assert networks(inputs).dtype == torch.float32
