"""Distances in frozen features: what is near, what is various, and bits that stay the same."""

import pytest
import torch
from deapnets_gan.features import FeatureJudge
from deapnets_gan.options import JudgeOptions
from deapnets_gan.task import Generative

from deapnets.errors import OptionError
from deapnets.genomes.layout import Layout
from deapnets.metrics.classifiers import train_classifier
from deapnets.metrics.frechet import frechet_distance
from deapnets.networks.chunk import Networks
from deapnets.networks.paths import choose_path

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def classifier(images):
    return train_classifier(images.train, images.train_labels, "judge", steps=150)


@pytest.fixture(params=["kernel", "sliced"])
def judge(request, images, classifier):
    return FeatureJudge([classifier], images.train.flatten(1), request.param, 24, batch=64)


def total(judge, lots, seed=1):
    """Return minus the distance of lots of images [n, batch, pixels]: [n]."""
    judge.begin(seed, CPU)
    worth = judge.worth(lots)
    return worth.quality + worth.diversity


def lots_of(images, count=1, batch=64, seed=5):
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randint(len(images), (count, batch), generator=generator)
    return images.flatten(1)[rows]


def test_new_real_images_are_worth_more_than_noise_and_than_one_class(judge, images):
    real = lots_of(images.test)
    noise = torch.rand(1, 64, 64, generator=torch.Generator().manual_seed(1))
    level = lots_of(images.test[images.test_labels == 0])
    for seed in range(3):
        found = total(judge, torch.cat([real, noise, level]), seed)
        assert found[0] > found[1]
        assert found[0] > found[2]


def test_the_kernel_distance_of_the_training_images_is_zero_in_the_mean(images, classifier):
    judge = FeatureJudge([classifier], images.train.flatten(1), "kernel", 24, batch=16)
    found = torch.stack(
        [total(judge, lots_of(images.train, batch=16, seed=seed), seed)[0] for seed in range(300)]
    )
    error = float(found.std()) / len(found) ** 0.5
    assert abs(float(found.mean())) < 3 * error
    assert float(found.max()) > 0.0  # an estimate that is never above zero is biased


def test_images_that_are_all_alike_lose_diversity_not_quality(images, classifier):
    judge = FeatureJudge([classifier], images.train.flatten(1), "kernel", 24, batch=64)
    judge.begin(1, CPU)
    various = lots_of(images.test)
    alike = various[:, :1].expand(-1, 64, -1)
    worth = judge.worth(torch.cat([various, alike]))
    assert worth.diversity[0] > worth.diversity[1]


def test_kernel_worth_is_that_of_the_definition(images, classifier):
    judge = FeatureJudge([classifier], images.train.flatten(1), "kernel", 5, batch=16)
    judge.begin(3, CPU)
    made = lots_of(images.test, batch=16)[0]
    views = [made, classifier.features(made.unflatten(1, (1, 8, 8)))]
    distances = []
    for view, lines in zip(views, judge._lines, strict=True):
        along = (view @ lines.layer.weight.T + lines.layer.bias).double()
        phi = 4 * (along - along.round()).abs()
        pairs = phi.sum(0).square() - phi.square().sum(0)  # of two different images
        unbiased = pairs / (16 * 15) - 2 * phi.mean(0) * lines.real + lines.real.square()
        distances.append(unbiased.mean())
    p = classifier(made.unflatten(1, (1, 8, 8))).softmax(1).double()
    pairs = (p.sum(0).square() - p.square().sum(0)) / (16 * 15)
    shares = classifier(images.train).softmax(1).double().mean(0)
    distances.append((pairs - 2 * p.mean(0) * shares + shares.square()).sum())
    wanted = -torch.stack(distances).sum()
    assert float(total(judge, made[None], 3)[0]) == pytest.approx(float(wanted), abs=1e-6)


def test_a_generator_alone_has_the_bits_that_it_has_in_company(judge, images):
    lots = lots_of(images.test, count=7)
    together = total(judge, lots)
    for index in range(7):
        assert torch.equal(total(judge, lots[index : index + 1])[0], together[index])
    assert torch.equal(total(judge, lots.flip(0)), together.flip(0))


def test_threads_change_no_bit(judge, images):
    lots = lots_of(images.test, count=40)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = total(judge, lots)
        torch.set_num_threads(2)
        assert torch.equal(total(judge, lots), one)
    finally:
        torch.set_num_threads(threads)


def test_a_seed_decides_what_is_compared(images, classifier):
    made = lots_of(images.test)
    first, second = (
        FeatureJudge([classifier], images.train.flatten(1), "kernel", 24, batch=64) for _ in "ab"
    )
    assert torch.equal(total(first, made, 7), total(second, made, 7))
    assert not torch.equal(total(first, made, 7), total(first, made, 8))


def test_bad_options_are_refused(images, classifier):
    with pytest.raises(OptionError, match=r'"slided".*Did you mean "sliced"'):
        FeatureJudge([classifier], images.train.flatten(1), "slided")
    with pytest.raises(OptionError, match="directions is at least 1, got 0"):
        FeatureJudge([classifier], images.train.flatten(1), "kernel", 0)


def test_each_generation_looks_through_one_of_several_classifiers(images, classifier):
    other = train_classifier(images.train, images.train_labels, "judge", seed=1, steps=150)
    pixels, made = images.train.flatten(1), lots_of(images.test)
    alone = [FeatureJudge([one], pixels, "kernel", 24, batch=64) for one in (classifier, other)]
    both = FeatureJudge([classifier, other], pixels, "kernel", 24, batch=64)
    seen = []
    for seed in range(12):
        found = total(both, made, seed)
        same = [torch.equal(found, total(judge, made, seed)) for judge in alone]
        assert sum(same) == 1
        seen.append(same.index(True))
    assert set(seen) == {0, 1}


def test_a_held_out_look_is_the_mean_over_all_classifiers(images):
    net = torch.nn.Sequential(torch.nn.Linear(4, 64), torch.nn.Sigmoid())
    few, more = (
        Generative(net, images, JudgeOptions(classifiers=count), latent=4) for count in (1, 2)
    )
    layout = Layout.of(net)
    row = layout.flatten(net)[None]
    networks = Networks(choose_path(net, layout, CPU), layout, row)
    name = "validation_frechet_distance"
    one, two = (float(task.validate(networks)[name][0]) for task in (few, more))
    with torch.no_grad():
        made = net(more.latents(1000, 20_000)).unflatten(1, images.shape)
    second = more.classifiers[1]
    apart = frechet_distance(second.features(images.validation), second.features(made))
    assert two == pytest.approx((one + apart) / 2, rel=1e-4)
