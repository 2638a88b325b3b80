"""The baseline by gradient: two networks in turn, from one state the same way, and its wishes."""

import random

import pytest
import torch
from deapnets_gan.adversarial import AdversarialSettings, discriminator_of
from deapnets_gan.generators import build_generator
from deapnets_gan.task import Generative

import deapnets as dn
from deapnets.errors import OptionError
from deapnets.evaluators.xor import Xor


@pytest.fixture
def begin(images):
    def begin(network="mlp-16", **settings):
        random.seed(1)
        torch.manual_seed(1)
        net = build_generator(network, 4, images.train)
        task = Generative(net, images, latent=4, batch_size=32)
        mapping = dn.PopulationMap(device="cpu", seed=1)
        return AdversarialSettings(**settings).begin(task, mapping)

    return begin


def distance(loop):
    task, network = loop._evaluator, loop.candidates()["champion"]
    return float(task.validate(task.networks(network))["validation_frechet_distance"])


def test_a_generator_that_is_trained_comes_nearer_to_real_images(begin):
    loop = begin(rate=4e-3)
    loop.step(0.0)
    before = distance(loop)
    for _ in range(20):
        loop.step(0.3)
    assert distance(loop) < 0.4 * before


def test_generation_0_is_the_untrained_network_and_others_count_their_passes(begin):
    loop = begin(steps=3, batch=8)
    start = loop._layout.flatten(loop._evaluator.genome())
    first = loop.step(0.0)
    assert torch.equal(first.population[0].weights, start)
    assert (first.number, first.evaluations) == (0, 1)
    forwards = loop._mapping.forwards
    second = loop.step(0.0)
    assert not torch.equal(second.population[0].weights, start)
    assert second.evaluations == 1 + 3 * 4 * 3
    assert loop._mapping.evaluations == 2 + 3 * 4 * 3
    assert loop._mapping.forwards - forwards == 32 + 3 * 4 * 3 * 8


def test_it_goes_on_from_a_state_as_it_would_have_gone(begin):
    whole = begin("deconv-4", steps=2)
    for _ in range(3):
        whole.step(0.2)
    state = whole.state_dict()
    expected = [whole.step(0.5).population[0].weights for _ in range(2)]
    other = begin("deconv-4", steps=2)
    random.seed(99)
    other._mapping.load_state_dict({**whole._mapping.state_dict(), "number": 2})
    other.load_state_dict(state)
    found = [other.step(0.5).population[0].weights for _ in range(2)]
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def test_the_step_size_falls_to_its_end(begin):
    loop = begin(rate=1e-2, rate_end=1e-4)
    rates = []
    for spent in (0.0, 0.5, 1.0):
        loop.step(spent)
        rates.append(loop.figures()["rate"])
    assert rates == pytest.approx([1e-2, 1e-3, 1e-4])


def test_a_discriminator_convolves_where_its_generator_does(images):
    shape = images.shape
    dense = discriminator_of(build_generator("mlp-8", 4, images.train), shape)
    convolves = discriminator_of(build_generator("deconv-4", 4, images.train), shape)
    kinds = [
        any(isinstance(layer, torch.nn.Conv2d) for layer in net.modules())
        for net in (dense, convolves)
    ]
    assert kinds == [False, True]
    for net in (dense, convolves):
        assert net(images.train[:5]).shape == (5, 1)


def test_what_cannot_be_used_is_said():
    for settings, text in (
        ({"population": 2}, "population is 1, got 2"),
        ({"batch": 0}, "batch is at least 1, got 0"),
        ({"steps": 0}, "steps is at least 1, got 0"),
        ({"rate": 1e-5}, "step size falls from rate to rate_end"),
    ):
        with pytest.raises(OptionError, match=text):
            AdversarialSettings(**settings)
    with pytest.raises(OptionError, match=r"generates no images\. Try: deapnets run gan"):
        AdversarialSettings().begin(Xor(), dn.PopulationMap(device="cpu"))
