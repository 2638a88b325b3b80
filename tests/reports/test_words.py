import json

import pytest

from deapnets.reports import words
from deapnets.reports.story import Story


@pytest.fixture
def story(tmp_path):
    """A finished run of 100 generations that says nothing yet."""
    log = [{"generation": g, "evaluations": 20 * g, "seconds": g / 10} for g in range(101)]
    config = {"options": {"fitness": "loss"}}
    return Story("run", tmp_path, "finished", {}, config, log=log)


def looks(story, name, value_of):
    for record in story.log[::5]:
        record[name] = value_of(record["generation"])


def said(story):
    return " ".join(words.verdict(story))


def test_a_run_that_still_gains_is_told_to_go_on(story):
    looks(story, "validation_loss", lambda g: 2 - g / 100)
    assert "It was still getting better: the last fifth of the run brought 20 %" in said(story)


def test_a_run_that_stands_still_is_said_to(story):
    looks(story, "validation_loss", lambda g: max(1.0, 2 - g / 50))
    assert "It had nearly stopped: the last fifth of the run brought 0 %" in said(story)


def test_the_figure_like_the_fitness_tells_of_progress(story):
    looks(story, "validation_loss", lambda g: 2 - g / 100)
    looks(story, "validation_accuracy", lambda g: 0.5)
    assert "still getting better" in said(story)
    story.config["options"]["fitness"] = "accuracy"
    assert "has not changed since the first look" in said(story)


def test_a_loss_that_is_far_larger_on_held_out_rows_is_said(story):
    for record in story.log:
        record["best"] = -0.1
    story.log[-1]["validation_loss"] = 0.3
    assert "fits its training rows better than others: the best network's loss is 0.1" in said(
        story
    )
    story.log[-1]["validation_loss"] = 0.11
    assert "fits its training rows" not in said(story)


def test_a_population_that_has_collapsed_is_said(story):
    story.trace = [{"generation": g, "diversity": 1.0 * 0.5**g} for g in range(10)]
    assert "The population has collapsed: its diversity is 0.2 %" in said(story)


def test_operators_that_help_nobody_are_said(story):
    story.trace = [{"generation": g, "operators": {"mutGaussian": [40, 0]}} for g in range(10)]
    assert "Hardly a child was better than its parents: 0 of 400" in said(story)


def test_a_figure_of_another_name_is_told_too(story):
    looks(story, "validation_frechet_distance", lambda g: 9 - g / 20)
    story.result = {"metrics": {"recall": 0.5, "validation_frechet_distance": 4.0}}
    assert "frechet distance 4 on the validation split" in said(story)
    assert "brought 20 % of all that was gained in frechet distance on held-out rows" in said(story)


def test_accuracy_on_the_test_split_comes_first(story):
    story.result = {"metrics": {"validation_accuracy": 0.95, "test_accuracy": 0.9, "test_loss": 1}}
    assert "accuracy 90.00 % on the test split, 95.00 % on the validation split" in said(story)


def test_runs_of_other_settings_are_not_averaged(story, tmp_path):
    def run(name, options, accuracy):
        result = {"metrics": {"test_accuracy": accuracy}}
        return Story(name, tmp_path, "finished", {}, {"options": options}, result=result)

    same = [run("a", {}, 0.9), run("b", {}, 0.8)]
    assert words.together(same) == [
        "2 runs of the same settings (a, b): mean accuracy 85.00 % on the test split, deviation "
        "7.1 points."
    ]
    first, group, advice = words.together([*same, run("c", json.loads('{"x": 1}'), 0.95)])
    assert first.startswith(
        "3 runs of different settings. The best accuracy on the test split has c"
    )
    assert group.startswith("2 runs of the same settings (a, b)")
    assert "deapnets compare" in advice
