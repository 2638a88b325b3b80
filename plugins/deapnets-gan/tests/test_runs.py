"""Runs of ``gan`` from the command line: the whole way, stopped and resumed, and their samples."""

import json
import re

import pytest
import torch
from click.testing import CliRunner
from deapnets_gan import task
from safetensors.torch import load_file

from deapnets.cli import main
from deapnets.metrics import report
from deapnets.runs.budget import Budget
from deapnets.runs.configuring import Configuration, make_evaluator, make_settings
from deapnets.runs.directory import RunDirectory
from deapnets.runs.running import Run

OPTIONS = ("network=eigen-8", "latent=4", "batch_size=16", "directions=8", "steps=2")


@pytest.fixture(scope="module", autouse=True)
def _few_images():
    """Measure a few images: how many does not matter here."""
    patch = pytest.MonkeyPatch()
    patch.setattr(task, "_MEASURED", 300)
    patch.setattr(report, "_SAMPLES", 300)
    yield
    patch.undo()


def run_of(path, judge="feature", algorithm="es", generations=5, resumes=False, **machine):
    pairs = ("dataset=digits", f"judge={judge}", "discriminators=6", *OPTIONS)
    plugin = make_evaluator("gan", pairs, algorithm)
    settings = make_settings(
        algorithm, (), plugin.instance, {"adam": 1, "plaingan": 1, "egan": 6}.get(algorithm, 12)
    )
    budget = Budget(generations=generations)
    configuration = Configuration(
        plugin,
        algorithm,
        settings,
        budget,
        1,
        device="cpu",
        validate_every=2,
        checkpoint_every=0,
        **machine,
    )
    directory = RunDirectory.open(path) if resumes else RunDirectory.create(path)
    return Run(configuration, directory, resumes=resumes)


def found_in(path):
    directory = RunDirectory.open(path)
    log = [{k: v for k, v in line.items() if k != "seconds"} for line in directory.log()]
    best = load_file(directory.path / "best.safetensors")
    return log, directory.read("best.json"), {name: t.tolist() for name, t in best.items()}


@pytest.mark.parametrize(
    ("judge", "algorithm"),
    [
        ("feature", "es"),
        ("discriminator", "ga"),
        ("coevolve", "snes"),
        ("feature+discriminator", "es"),
        ("discriminator", "adam"),
        ("discriminator", "egan"),
        ("feature", "plaingan"),
    ],
)
def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path, judge, algorithm):
    for _ in run_of(tmp_path / "whole", judge, algorithm):
        pass
    for progress in run_of(tmp_path / "parts", judge, algorithm):
        if progress.generation == 2:
            break
    for _ in run_of(tmp_path / "parts", judge, algorithm, resumes=True):
        pass
    assert found_in(tmp_path / "parts") == found_in(tmp_path / "whole")
    metrics = RunDirectory.open(tmp_path / "whole").read("result.json")["metrics"]
    assert metrics["frechet_distance"] > metrics["frechet_distance_floor"]
    assert metrics == RunDirectory.open(tmp_path / "parts").read("result.json")["metrics"]


@pytest.mark.parametrize("judge", ["feature", "discriminator+coevolve"])
def test_a_run_in_two_processes_equals_one_in_this_process(tmp_path, judge):
    for _ in run_of(tmp_path / "one", judge, generations=2):
        pass
    for _ in run_of(tmp_path / "two", judge, generations=2, engine="processes", workers=2):
        pass
    assert found_in(tmp_path / "two") == found_in(tmp_path / "one")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "digits"
    for _ in run_of(path, generations=4):
        pass
    return path


def test_a_run_draws_what_its_best_network_does(finished):
    assert sorted(path.name for path in (finished / "pictures").iterdir()) == [
        "000000.png",
        "000002.png",
        "000004.png",
    ]
    assert (finished / "picture.png").read_bytes().startswith(b"\x89PNG")


def test_nsga2_on_quality_and_diversity_saves_one_of_its_front(tmp_path):
    words = ["run", "gan", "--algorithm", "ga", "--generations", "4", "--population", "16"]
    words += ["-o", "dataset=digits", "-o", "vector=true"]
    words += [word for option in OPTIONS for word in ("-o", option)]
    words += ["-a", "replacement=plus", "-a", "selection=nsga2", "--out", str(tmp_path / "run")]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    found = RunDirectory.open(tmp_path / "run").read("result.json")
    assert found["evaluations"] == 16 + 4 * 32  # parents are judged again beside their children
    assert re.fullmatch(r"champion|front \d", found["best_source"])


def sample(*arguments):
    return CliRunner().invoke(main, ["sample", *map(str, arguments)])


def test_sample_writes_a_grid_and_says_which_classes_there_are(finished, tmp_path):
    out = tmp_path / "pictures" / "grid.png"
    result = sample(finished, "--n", 10, "--out", out)
    assert result.exit_code == 0, result.output
    assert out.read_bytes().startswith(b"\x89PNG")
    assert "10 images" in result.output
    assert "of each class: " in result.output


def test_sample_measures_what_it_draws(finished, tmp_path):
    result = sample(finished, "--n", 50, "--out", tmp_path / "grid.png", "--json")
    found = json.loads(result.output)
    assert found["images"] == 50
    assert found["frechet_distance"] > 0


def test_samples_of_one_seed_are_the_same(finished, tmp_path):
    from deapnets_gan.sampling import sampled

    first, again, other = (sampled(finished, 5, seed)[1] for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_sample_of_what_is_no_run_of_generators_says_what_to_type(tmp_path):
    result = sample(tmp_path, "--out", tmp_path / "grid.png")
    assert result.exit_code == 1
    assert "holds no run" in result.output
    CliRunner().invoke(
        main,
        ["run", "xor", "--generations", "2", "--population", "4", "--out", str(tmp_path / "x")],
    )
    result = sample(tmp_path / "x", "--out", tmp_path / "grid.png")
    assert 'is a run of "xor", which generates nothing' in result.output


def test_no_image_and_too_many_are_refused(finished):
    for count in (0, 100_001):
        result = sample(finished, "--n", count)
        assert result.exit_code == 2
        assert "--n is from 1 to 100,000" in result.output
