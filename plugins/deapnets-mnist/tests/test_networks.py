import re

import pytest
import torch
from deapnets_mnist.networks import build_network
from torch import nn

from deapnets.errors import OptionError


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def kinds(network):
    return [type(layer) for layer in network]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mlp-32", 784 * 32 + 32 + 32 * 10 + 10),
        ("mlp-128", 101_770),
        ("strided-16", 16 * 25 + 16 + 16 * 144 * 10 + 10),
        ("mlp-128-64", 784 * 128 + 128 + 128 * 64 + 64 + 64 * 10 + 10),
        ("deep", 3_274_634),
    ],
)
def test_network_has_exactly_the_expected_weights(name, expected):
    assert parameters(build_network(name)) == expected


def test_mlp_is_linear_layers_with_relu_between():
    network = build_network("mlp-5-3", (2, 3), classes=4)
    assert type(network) is nn.Sequential
    expected = [nn.Flatten, nn.Linear, nn.ReLU, nn.Linear, nn.ReLU, nn.Linear]
    assert kinds(network) == expected
    shapes = [tuple(p.shape) for p in network.parameters() if p.ndim == 2]
    assert shapes == [(5, 6), (3, 5), (4, 3)]


def test_deep_is_the_network_of_the_tutorial():
    network = build_network("deep")
    assert type(network) is nn.Sequential
    half = [nn.Conv2d, nn.ReLU, nn.MaxPool2d]
    assert kinds(network) == [*half, *half, nn.Flatten, nn.Linear, nn.ReLU, nn.Linear]
    features = network[:6](torch.zeros(1, 1, 28, 28))
    assert features.shape == (1, 64, 7, 7)


@pytest.mark.parametrize("name", ["mlp-32", "mlp-8-8", "conv-3", "deep"])
@pytest.mark.parametrize("shape", [(28, 28), (14, 14), (4, 7)])
def test_network_gives_a_score_a_class(name, shape):
    network = build_network(name, shape, classes=3)
    assert network(torch.zeros(2, 1, *shape)).shape == (2, 3)


@pytest.mark.parametrize("shape", [(3, 28), (28, 3)])
def test_deep_refuses_images_it_cannot_halve_twice(shape):
    message = f"needs at least 4x4 pixels, got {shape[0]}x{shape[1]}"
    with pytest.raises(OptionError, match=message):
        build_network("deep", shape)


@pytest.mark.parametrize(("shape", "places"), [((28, 28), 144), ((8, 8), 4), ((5, 9), 3)])
def test_strided_filters_stand_at_every_second_place(shape, places):
    network = build_network("strided-3", shape)
    assert kinds(network) == [nn.Conv2d, nn.ReLU, nn.Flatten, nn.Linear]
    assert network[:3](torch.zeros(2, 1, *shape)).shape == (2, 3 * places)


@pytest.mark.parametrize("shape", [(4, 28), (28, 4)])
def test_strided_filters_refuse_images_they_do_not_fit(shape):
    message = f"at least 5x5 pixels, got {shape[0]}x{shape[1]}. network=mlp-32 takes any size."
    with pytest.raises(OptionError, match=re.escape(message)):
        build_network("strided-16", shape)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("strided", 'Network "strided" names its number of filters: strided-16, strided-64.'),
        ("conv-0", 'Network "conv-0" names its number of filters: conv-16, conv-64.'),
        (
            "mpl-32",
            'Unknown network "mpl-32". Did you mean "mlp-32"? Valid: conv-16, deep,',
        ),
        ("dep", 'Unknown network "dep". Did you mean "deep"?'),
        (
            "resnet",
            'Unknown network "resnet". Valid: conv-16, deep, mlp-32, strided-16. An MLP',
        ),
        ("mlp", "An MLP names its hidden layers: mlp-32, mlp-128-64."),
        ("mlp-", "An MLP names its hidden layers: mlp-32, mlp-128-64."),
        ("mlp-3.5", "An MLP names its hidden layers: mlp-32, mlp-128-64."),
        ("mlp--3", "An MLP names its hidden layers: mlp-32, mlp-128-64."),
        ("mlp-32-0", 'Network "mlp-32-0": the size of a hidden layer must be positive.'),
    ],
)
def test_unknown_name_is_answered_with_the_near_one(name, message):
    with pytest.raises(OptionError, match=re.escape(message)):
        build_network(name)


@pytest.mark.parametrize(("shape", "classes"), [((0, 28), 10), ((28, 28), 0)])
def test_sizes_that_are_not_positive_are_refused(shape, classes):
    with pytest.raises(OptionError, match="must be positive"):
        build_network("mlp-32", shape, classes)


@pytest.mark.parametrize(
    ("shape", "features"), [((28, 28), 16 * 49), ((14, 14), 16 * 49), ((8, 8), 16 * 64)]
)
def test_filters_give_an_average_for_each_place_of_a_grid(shape, features):
    images = torch.rand(3, 1, *shape)
    assert build_network("conv-16", shape, head=False)(images).shape == (3, features)
    assert build_network("conv-16", shape)(images).shape == (3, 10)


@pytest.mark.parametrize("name", ["conv", "conv-0", "conv-16-4"])
def test_filters_that_are_no_number_are_refused(name):
    with pytest.raises(OptionError, match=f'^Network "{name}" names its number of filters'):
        build_network(name)


@pytest.mark.parametrize("name", ["mlp-8", "conv-2", "deep"])
def test_network_without_its_head_gives_what_the_last_layer_takes(name):
    whole, bare = build_network(name, (8, 8)), build_network(name, (8, 8), head=False)
    assert bare(torch.rand(1, 1, 8, 8)).shape == (1, whole[-1].in_features)
