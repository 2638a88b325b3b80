"""Several generators as one: whom an image is of, what weights evolve to, what is said of it."""

import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from deapnets_gan import mixtures
from deapnets_gan.mixtures import Mixture, evolved_weights, measured

from deapnets.cli import main
from deapnets.errors import OptionError, RunError
from deapnets.metrics import report
from deapnets.metrics.frechet import frechet_distance


@pytest.fixture(scope="module", autouse=True)
def _few_images():
    patch = pytest.MonkeyPatch()
    patch.setattr(mixtures, "_MEASURED", 300)
    patch.setattr(mixtures, "_LOOKED_AT", 2000)
    patch.setattr(report, "_SAMPLES", 300)
    yield
    patch.undo()


def run(path, *options, seed=1):
    words = ["run", "gan", "--algorithm", "es", "--generations", "2", "--population", "8"]
    words += ["-o", "dataset=digits", "-o", "batch_size=16", "-o", "network=eigen-8"]
    words += [word for option in options for word in ("-o", option)]
    result = CliRunner().invoke(main, [*words, "--seed", str(seed), "--out", str(path)])
    assert result.exit_code == 0, result.output
    return str(path)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    return [run(folder / f"run-{seed}", "latent=4", seed=seed) for seed in (1, 2, 3)]


@pytest.fixture(scope="module")
def mixture(runs):
    return Mixture(runs)


def test_an_image_is_of_one_member_by_the_weights(mixture):
    latents = mixture.task.latents(400, 5)
    own = [task.generated(latents) for task in mixture._tasks]
    images = mixture.images([0.5, 0.0, 1.5], 400, 5)
    same = torch.stack([(images == one).flatten(1).all(1) for one in own])
    assert (same.sum(0) == 1).all()
    assert int(same[1].sum()) == 0
    assert float(same[0].double().mean()) == pytest.approx(0.25, abs=0.08)
    assert torch.equal(images, mixture.images([0.5, 0.0, 1.5], 400, 5))
    assert torch.equal(own[1], mixture.images([0.0, 1.0, 0.0], 400, 5))


def test_the_distance_of_weights_is_that_of_the_images_that_are_drawn_by_them(mixture):
    weights = [0.2, 0.5, 0.3]
    drawn = mixture.images(weights, 40_000, 9)
    task = mixture.task
    apart = [
        frechet_distance(one.features(task.images.validation), one.features(drawn))
        for one in task.classifiers
    ]
    assert mixture.distance()(weights) == pytest.approx(sum(apart) / len(apart), rel=0.05)


def test_weights_evolve_to_the_least_distance_and_nothing_global_is_changed():
    goal = np.array([0.7, 0.0, 0.3])
    before = np.random.get_state()[1].tolist()
    found = evolved_weights(lambda w: float(np.square(w - goal).sum()), 3, 400, seed=1)
    assert found == pytest.approx(goal, abs=0.01)
    assert sum(found) == pytest.approx(1.0)
    assert np.random.get_state()[1].tolist() == before
    again = evolved_weights(lambda w: float(np.square(w - goal).sum()), 3, 400, seed=1)
    assert found == again
    below = evolved_weights(lambda w: float(np.square(w - goal).sum()), 3, 400, seed=-1)
    assert below != found
    assert below == pytest.approx(goal, abs=0.01)


def test_weights_are_never_worse_than_even_ones(mixture):
    distance = mixture.distance()
    weights = evolved_weights(distance, 3, 60)
    assert distance(weights) < distance([1 / 3] * 3)
    rows = measured(mixture, weights, distance)
    assert list(rows) == [*mixture.runs, "even weights", "evolved weights"]
    last = [row["validation_frechet_distance"] for row in rows.values()]
    assert last[-1] == distance(weights) <= min(last)
    assert rows[mixture.runs[0]]["frechet_distance"] != rows[mixture.runs[1]]["frechet_distance"]


def mix(*words):
    return CliRunner().invoke(main, ["mix", *map(str, words)])


def test_the_command_leaves_weights_figures_and_a_picture(runs, tmp_path):
    out = tmp_path / "mixture"
    said = mix(*runs, "--generations", 30, "--out", out)
    assert said.exit_code == 0, said.output
    found = json.loads((out / "mixture.json").read_text())
    assert found["runs"] == runs
    assert sum(found["weights"]) == pytest.approx(1.0)
    assert (out / "picture.png").read_bytes().startswith(b"\x89PNG")
    shown = f"{found['figures']['evolved weights']['frechet_distance']:.2f}"
    assert shown in said.output.split("evolved weights")[1]
    assert f"{found['weights'][2]:.3f}" in said.output.split(runs[2])[1]
    again = mix(*runs, "--generations", 30, "--out", tmp_path / "again", "--json")
    assert json.loads(again.output) == found


def test_what_cannot_be_mixed_is_told_in_a_line(runs, tmp_path):
    with pytest.raises(OptionError, match="two runs or more, got 1"):
        Mixture(runs[:1])
    with pytest.raises(OptionError, match="each run once"):
        Mixture([runs[0], runs[0]])
    other = run(tmp_path / "latents", "latent=6")
    with pytest.raises(RunError, match=r'makes images of "digits", .* by 6 .* by 4 lat'):
        Mixture([runs[0], other])
    smaller = run(tmp_path / "smaller", "latent=4", "pool=4x4")
    said = mix(runs[0], smaller, "--out", tmp_path / "mixture")
    assert said.exit_code == 1
    assert "of 4x4 pixels" in said.output
    assert not (tmp_path / "mixture").exists()
