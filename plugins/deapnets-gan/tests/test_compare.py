"""``deapnets compare gan``: the rivals run unasked, each as it is meant."""

import pytest
from deapnets_gan import task
from deapnets_gan.article import ArticleSettings

from deapnets.errors import OptionError
from deapnets.metrics import report
from deapnets.reports.comparison import Comparison, Plan
from deapnets.runs.directory import RunDirectory

POPULATIONS = [f"{name}.population=12" for name in ("es", "article", "random")]


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.setattr(task, "_MEASURED", 200)
    patch.setattr(report, "_SAMPLES", 200)
    path = tmp_path_factory.mktemp("compare")
    options = ["dataset=digits", "latent=4", "batch_size=16", "directions=4"]
    plan = Plan("gan", ["es"], seeds=1, evaluations=50, options=options, settings=POPULATIONS)
    comparison = Comparison(plan, RunDirectory(path))
    list(comparison.run())
    yield path, comparison.report()
    patch.undo()


def test_rows_are_ours_the_rivals_and_the_baselines(done):
    _, found = done
    names = [row["algorithm"] for row in found["rows"]]
    assert names == ["es", "article", "plaingan", "dcgan", "egan", "random", "adam"]
    assert found["metric"] == "frechet_distance"


def test_every_rival_has_the_judge_and_the_network_that_it_is_meant_with(done):
    path, _ = done
    options = {
        name: RunDirectory(path / "runs" / f"{name}-1").read("config.json")["options"]
        for name in ("es", "article", "plaingan", "dcgan", "egan", "adam")
    }
    judges = {name: own["judge"] for name, own in options.items()}
    assert judges == {
        "es": "feature",
        "article": "discriminator",
        "plaingan": "feature",  # it has a discriminator of its own
        "dcgan": "feature",
        "egan": "discriminator",
        "adam": "feature",
    }
    assert options["plaingan"]["network"] == options["es"]["network"]
    assert options["dcgan"]["network"] == "deconv-16"
    assert options["article"]["network"] == "mlp-64"
    assert {own["latent"] for own in options.values()} == {4}  # what was given wins


def test_the_articles_settings_are_checked_when_they_are_made():
    with pytest.raises(OptionError, match="sigma falls from sigma to sigma_end"):
        ArticleSettings(sigma=0.001)
