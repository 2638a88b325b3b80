"""Judges that learn: a trained discriminator, and a population of them."""

import itertools
import math
import random
import warnings

import pytest
import torch
from deapnets_gan.coevolution import CoevolvedJudge
from deapnets_gan.cycling import Generalisation
from deapnets_gan.discriminator import DiscriminatorJudge
from deapnets_gan.fame import HallOfFame
from deapnets_gan.judge import Studio
from torch import nn

import deapnets as dn
from deapnets.errors import OptionError
from deapnets.genomes.layout import Layout
from deapnets.genomes.nodes import Node

CPU = torch.device("cpu")
KINDS = {
    "discriminator": lambda images, **more: DiscriminatorJudge(images, **{"steps": 4, **more}),
    "coevolve": lambda images, **more: CoevolvedJudge(images, **{"size": 12, "steps": 3, **more}),
}


class Noise(Studio):
    """Makers whose images are grey noise, brighter or darker by their one weight."""

    def __init__(self, images):
        self.images, self.asked = images, []

    def layout(self):
        return Layout(("weight",), ((1,),))

    def real(self, count, generator):
        return self.images[torch.randint(len(self.images), (count,), generator=generator)]

    def made(self, makers, count, generator):
        self.asked.append([float(maker.weights[0]) for maker in makers])
        shade = torch.tensor(self.asked[-1]).repeat(count)[:count, None]
        return (shade + 0.1 * torch.rand(count, 64, generator=generator)).clamp(0, 1)


def makers(*shades):
    layout = Layout(("weight",), ((1,),))
    return [dn.WeightGenome(Node(layout, torch.tensor([shade]))) for shade in shades]


@pytest.fixture(params=KINDS)
def kind(request):
    return KINDS[request.param]


@pytest.fixture
def pixels(images):
    return images.train.flatten(1)


def trained(judge, studio, generations=12, shades=(0.4, 0.5)):
    lot = makers(*shades)
    for generation in range(generations):
        judge.prepare(lot, studio, generation)
        judge.conclude(lot[0])
    judge.begin(99, CPU)
    return judge


def lots(images, count=5, batch=32):
    generator = torch.Generator().manual_seed(5)
    return images[torch.randint(len(images), (count, batch), generator=generator)]


def test_real_images_come_to_be_worth_more_than_made_ones(kind, pixels, images):
    judge = trained(kind(pixels), Noise(pixels))
    real = lots(images.test.flatten(1), 1)
    made = Noise(pixels).made(makers(0.45), 32, torch.Generator().manual_seed(1))[None]
    worth = judge.worth(torch.cat([real, made]))
    assert worth.quality[0] > worth.quality[1]
    assert worth.diversity[0] > worth.diversity[1]
    assert judge.figures(Noise(pixels))["judge_accuracy"] > 0.7


def test_one_real_image_again_and_again_loses_diversity(kind, pixels, images):
    judge = trained(kind(pixels), Noise(pixels))
    real = lots(images.test.flatten(1), 1)
    worth = judge.worth(torch.cat([real, real[:, :1].expand(-1, 32, -1)]))
    assert worth.diversity[0] > worth.diversity[1]


def test_a_generator_has_the_same_bits_alone_and_with_any_number_of_threads(kind, pixels):
    judge, made = trained(kind(pixels), Noise(pixels), 3), lots(pixels, 9)
    threads = torch.get_num_threads()
    together = judge.worth(made)
    try:
        torch.set_num_threads(1)
        for index in range(9):
            alone = judge.worth(made[index : index + 1])
            assert torch.equal(alone.quality[0], together.quality[index])
            assert torch.equal(alone.diversity[0], together.diversity[index])
    finally:
        torch.set_num_threads(threads)


def test_a_state_makes_another_judge_go_on_alike(kind, pixels):
    first, made = trained(kind(pixels), Noise(pixels), 4), lots(pixels)
    second = kind(pixels)
    second.load_state_dict(first.state_dict())
    for judge in (first, second):
        judge.prepare(makers(0.2, 0.3), Noise(pixels), 50)
        judge.begin(51, CPU)
    assert torch.equal(first.worth(made).quality, second.worth(made).quality)


def test_training_draws_from_no_global_generator(kind, pixels):
    states = random.getstate(), torch.get_rng_state()
    trained(kind(pixels), Noise(pixels), 2)
    assert random.getstate() == states[0]
    assert torch.equal(torch.get_rng_state(), states[1])


def test_made_images_come_from_the_population_the_best_and_earlier_generations(kind, pixels):
    judge, studio = kind(pixels), Noise(pixels)
    judge.prepare(makers(0.1, 0.2), studio, 1)
    assert sorted(round(shade, 1) for shade in studio.asked[0]) == [0.1, 0.2]
    judge.conclude(makers(0.3)[0])
    studio.asked.clear()
    judge.prepare(makers(0.4), studio, 2)
    assert [round(lot[0], 1) for lot in studio.asked] == [0.4, 0.3, 0.3]


def test_the_worst_verdict_is_never_above_the_mean(kind, pixels):
    made = lots(pixels)
    mean = trained(kind(pixels, aggregate="mean"), Noise(pixels), 4).worth(made)
    worst = trained(kind(pixels, aggregate="worst"), Noise(pixels), 4).worth(made)
    assert (worst.quality <= mean.quality).all()
    assert (worst.quality < mean.quality).any()


def test_a_discriminator_that_tells_all_apart_for_long_is_said_once(pixels):
    judge = DiscriminatorJudge(pixels, steps=4)
    with pytest.warns(UserWarning, match="tells all images apart.*1.00 for 30.*-o steps=2"):
        trained(judge, Noise(pixels), 60)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trained(judge, Noise(pixels), 40)


def test_a_discriminator_that_tells_nothing_apart_for_long_is_said(pixels, monkeypatch):
    judge = DiscriminatorJudge(pixels, steps=1)
    monkeypatch.setattr(DiscriminatorJudge, "_right", lambda *_: 0.5)
    with pytest.warns(UserWarning, match="cannot tell images apart.*-o steps=20"):
        trained(judge, Noise(pixels), 31)


def test_a_population_too_small_for_the_opponents_is_refused(pixels):
    with pytest.raises(OptionError, match=r"9 opponents .* of 8 discriminators: give -o discrim"):
        CoevolvedJudge(pixels, opponents=9, size=8)
    with pytest.raises(OptionError, match="opponents is at most 17"):
        DiscriminatorJudge(pixels, opponents=18)
    for judge in (CoevolvedJudge, DiscriminatorJudge):
        with pytest.raises(OptionError, match="at least 1, got steps=0"):
            judge(pixels, steps=0)


def test_a_plain_gans_loss_can_be_differentiated(pixels):
    judge = trained(DiscriminatorJudge(pixels), Noise(pixels), 3)
    net = nn.Linear(4, 64)
    loss = judge.loss(net(torch.randn(16, 4))[None], 1.0)
    loss.sum().backward()
    assert loss.shape == (1,)
    assert float(net.weight.grad.abs().max()) > 0


def test_a_hall_of_fame_stays_evenly_spread_over_the_run():
    fame = HallOfFame(8)
    for generation in range(101):
        fame.note(torch.tensor([float(generation)]))
    kept = [int(row) for row in fame.rows]
    gaps = {b - a for a, b in itertools.pairwise(kept)}
    assert kept[0] == 0
    assert len(gaps) == 1
    assert 4 <= len(kept) <= 8
    other = HallOfFame(8)
    other.load_state_dict(fame.state_dict())
    other.note(torch.tensor([101.0]))
    assert [int(row) for row in other.rows][: len(kept)] == kept


def test_progress_and_running_in_circles_are_told_apart():
    steady = Generalisation(torch.arange(6.0)[:, None].expand(-1, 4))
    assert steady.later_is_better == 1.0
    circles = torch.sin(2 * torch.pi * torch.arange(40) / 8.0)
    assert 0.3 < Generalisation(circles[:, None].expand(-1, 4)).later_is_better < 0.7
    assert math.isnan(Generalisation(torch.zeros(1, 3)).later_is_better)


def test_generators_of_the_run_meet_every_discriminator_that_is_kept(kind, pixels):
    judge, studio = kind(pixels), Noise(pixels)
    for generation in range(6):
        lot = makers(0.9 - 0.1 * generation)
        judge.prepare(lot, studio, generation)
        judge.conclude(lot[0])
    found = judge.generalisation(studio)
    assert found.quality.shape == (6, 6)
    assert 0.0 <= judge.figures(studio)["later_is_better"] <= 1.0
    again = judge.generalisation(studio)
    assert torch.equal(found.quality, again.quality)
    told = judge.matrix(studio)
    assert told["rows"] == told["columns"] == [0, 1, 2, 3, 4, 5]
    torch.testing.assert_close(
        torch.tensor(told["values"]).double(), found.quality, atol=1e-4, rtol=0
    )


def test_a_hall_of_fame_knows_whose_generation_each_is():
    fame = HallOfFame(4)
    for generation in range(11):
        fame.note(torch.tensor([float(generation)]))
        assert fame.generations == [int(row) for row in fame.rows]
    assert fame.generations == [0, 4, 8]
