"""Generators by name: sizes, ranges, where they begin."""

import pytest
import torch
from deapnets_gan.generators import build_generator

from deapnets.errors import OptionError


@pytest.mark.parametrize("name", ["mlp-16", "mlp", "mlp-16-8", "eigen-16", "eigen", "deconv-4"])
@pytest.mark.parametrize("side", [8, 14, 28])
def test_images_have_the_size_asked_for_and_stay_in_range(name, side):
    real = torch.rand(50, 1, side, side)
    net = build_generator(name, 5, real)
    made = net(3 * torch.randn(9, 5)).detach()
    assert made.numel() == 9 * side * side
    assert float(made.min()) >= 0.0
    assert float(made.max()) <= 1.0


@pytest.mark.parametrize("name", ["mlp-16", "eigen-16"])
def test_a_generator_begins_at_the_mean_of_the_training_images(name, images):
    net = build_generator(name, 5, images.train)
    made = net(torch.randn(2000, 5)).mean(0).detach()
    assert float((made - images.train.mean(0).flatten()).abs().mean()) < 0.06


def test_an_eigen_generator_evolves_all_but_its_last_layer(images):
    net = build_generator("eigen-16", 5, images.train)
    frozen = [name for name, value in net.named_parameters() if not value.requires_grad]
    assert [net.get_parameter(name).shape[0] for name in frozen] == [64, 64]
    assert len(frozen) == 2


def test_an_eigen_generator_has_components_for_99_percent_of_the_variance_and_60_at_most():
    generator = torch.Generator().manual_seed(2)
    deviations = torch.tensor([1.0] * 30 + [0.001] * 34)  # 30 directions have all but nothing
    few = 0.5 + 0.1 * deviations * torch.randn(3000, 64, generator=generator)
    many = 0.5 + 0.1 * torch.randn(3000, 100, generator=generator)
    assert build_generator("eigen-4", 3, few.view(-1, 1, 8, 8))[-2].in_features == 30
    assert build_generator("eigen-4", 3, many.view(-1, 1, 10, 10))[-2].in_features == 60


def test_an_eigen_generator_begins_as_various_as_the_training_images(images):
    net = build_generator("eigen-16", 16, images.train)
    made = net[:-1](torch.randn(2000, 16)).detach()  # before values are cut off
    assert float(made.var(0).sum()) == pytest.approx(
        float(images.train.flatten(1).var(0).sum()), rel=0.35
    )


def test_one_seed_gives_one_generator(images):
    torch.manual_seed(3)
    first = build_generator("eigen-16", 5, images.train)
    torch.manual_seed(3)
    second = build_generator("eigen-16", 5, images.train)
    assert all(
        torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True)
    )


@pytest.mark.parametrize(
    ("name", "latent", "side", "text"),
    [
        ("mpl-64", 5, 8, r'"mpl-64".*Did you mean "mlp-64"'),
        ("mlp-0", 5, 8, "A name ends in sizes"),
        ("deconv-4-4", 5, 8, "names one number of filters"),
        ("deconv-4", 5, 7, "makes images with even sides, got 7x7"),
        ("mlp-4", 0, 8, "latent is at least 1, got 0"),
    ],
)
def test_what_cannot_be_built_is_said(name, latent, side, text):
    with pytest.raises(OptionError, match=text):
        build_generator(name, latent, torch.rand(9, 1, side, side))
