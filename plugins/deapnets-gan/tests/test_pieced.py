"""Pieced images are of two real ones each, and the judge's classifiers tell them."""

import pytest
import torch
from deapnets_gan import pieced
from deapnets_gan.options import JudgeOptions
from deapnets_gan.pieced import pieced_images
from deapnets_gan.task import Generative


def test_each_is_of_two_images_in_known_parts():
    images = torch.arange(60.0)[:, None, None, None].expand(60, 1, 6, 4)  # an image, a number
    made = pieced_images(images, 3)
    assert made.shape == (20, 1, 6, 4)
    assert torch.equal(made, pieced_images(images, 3))
    assert not torch.equal(made, pieced_images(images, 4))
    assert [len(image.unique()) for image in made[:10]] == [1] * 10  # on each other
    assert any(float(image.unique() % 1) > 0 for image in made[:10])
    for image in made[10:15]:
        assert len(image[:, :3].unique()) == len(image[:, 3:].unique()) == 1
    for image in made[15:]:
        assert len(image[..., :2].unique()) == len(image[..., 2:].unique()) == 1
    assert sum(len(image.unique()) == 2 for image in made[10:]) > 7


def test_an_image_fainter_than_a_fifth_is_never_hidden_in_another():
    images = torch.tensor([0.0, 1.0]).repeat(500)[:, None, None, None]
    shares = pieced_images(images, 1)[: 333 // 2].unique()
    between = shares[(shares > 0) & (shares < 1)]
    assert 0.2 <= float(between.min()) < 0.25
    assert 0.75 < float(between.max()) <= 0.8


def task(images, wished):
    net = torch.nn.Sequential(torch.nn.Linear(4, 64), torch.nn.Sigmoid())
    return Generative(net, images, JudgeOptions(classifiers=1, pieced=wished), latent=4)


def test_the_judges_classifier_has_a_class_for_them_and_tells_them(images):
    (classifier,) = task(images, True).classifiers
    assert classifier.classes == 3
    told = classifier(pieced_images(images.test, 9)).argmax(1) == 2
    taken = classifier(images.test).argmax(1) == 2
    assert float(told.float().mean()) > 0.5
    assert float(taken.float().mean()) < 0.1


@pytest.mark.parametrize(("wished", "enough", "classes"), [(None, 301, 2), (None, 300, 3)])
def test_by_default_many_images_decide(images, monkeypatch, wished, enough, classes):
    monkeypatch.setattr(pieced, "ENOUGH", enough)
    assert task(images, wished).classifiers[0].classes == classes


def test_none_are_made_where_none_are_wished(images, monkeypatch):
    monkeypatch.setattr(pieced, "ENOUGH", 1)
    assert task(images, False).classifiers[0].classes == 2
