import json
import re

import pytest

from deapnets.algorithms.ga import GeneticSettings
from deapnets.errors import OptionError, PluginError
from deapnets.evaluators.xor import Xor
from deapnets.plugins import STRATEGIES
from deapnets.runs.budget import Budget, Target
from deapnets.runs.configuring import draw_seed, make_evaluator, make_settings

# --- what a configuration refuses ---


@pytest.mark.parametrize("seed", [-1, 1 << 32])
def test_a_seed_outside_its_range_is_refused(configure, seed):
    expected = f"A seed is from 0 to 2**32 - 1, got {seed}."
    with pytest.raises(OptionError, match=f"^{re.escape(expected)}$"):
        configure(seed=seed)


@pytest.mark.parametrize("seed", [0, (1 << 32) - 1])
def test_both_ends_of_the_seeds_are_taken(configure, seed):
    assert configure(seed=seed).seed == seed


def test_the_validation_split_is_looked_at_every_generation_or_less_often(configure):
    with pytest.raises(OptionError, match=r"^validate_every is at least 1, got 0\.$"):
        configure(validate_every=0)


def test_a_budget_not_above_the_population_is_refused(configure):
    with pytest.raises(OptionError, match=r"^A budget of 20 evaluations is not above the popul"):
        configure(budget=Budget(evaluations=20))


def test_what_is_no_evaluator_is_refused_by_name(configure):
    expected = '"task" is dict, which is no deapnets.Evaluator.'
    with pytest.raises(OptionError, match=f"^{re.escape(expected)}$"):
        _ = configure({}).evaluator


# --- what it says of itself ---


def test_a_configuration_describes_every_setting_with_its_default(configure):
    budget = Budget(generations=4, target=Target("validation_accuracy", 0.9))
    described = json.loads(json.dumps(configure(budget=budget).describe()))
    assert described.pop("algorithm_options") == {
        "population": 20,
        "spread": 1.0,
        "start": "ancestor",
        "selection": "truncation",
        "replacement": "generational",
        "offspring": 0,
        "share": 0.5,
        "tournsize": 3,
        "pressure": 2.0,
        "elites": 0.05,
        "crossover": "uniform",
        "cxpb": 1.0,
        "mutpb": 1.0,
        "indpb": 1.0,
        "mutation": "gaussian",
        "sigma": 0.5,
        "sigma_end": 0.1,
        "schedule": "exponential",
        "goal": None,
    }
    assert described == {
        "format": 1,
        "evaluator": "task",
        "distribution": "tests",
        "distribution_version": "1.0",
        "options": {"size": 3},
        "algorithm": "ga",
        "budget": {
            "generations": 4,
            "seconds": None,
            "evaluations": None,
            "target": {"metric": "validation_accuracy", "value": 0.9},
            "evaluation_seconds": None,
        },
        "seed": 1,
        "device": "auto",
        "memory": None,
        "precision": "float32",
        "on_error": "raise",
        "engine": "serial",
        "workers": None,
        "address": None,
        "time_limit": None,
        "validate_every": 10,
        "checkpoint_every": 10.0,
        "log": [],
    }


# --- evaluators ---


@pytest.mark.parametrize("name", ["xor", "deapnets:xor"])
def test_an_evaluator_is_made_by_name_with_typed_options(name):
    plugin = make_evaluator(name, ["hidden=7", "fitness=accuracy"])
    assert type(plugin.instance) is Xor
    assert plugin.options == {"hidden": 7, "fitness": "accuracy"}


def test_options_that_are_not_given_are_written_down_too():
    assert make_evaluator("xor", []).options == {"hidden": 4, "fitness": "loss"}


def test_presets_hold_for_their_algorithm_and_give_way_to_what_is_given(monkeypatch):
    monkeypatch.setattr(Xor, "presets", {"es": {"hidden": 9}})
    made = [make_evaluator("xor", [], name).options["hidden"] for name in ("", "ga", "es")]
    assert made == [4, 4, 9]
    assert make_evaluator("xor", ["hidden=5"], "es").options["hidden"] == 5


@pytest.mark.parametrize(
    ("name", "pairs", "error", "message"),
    [
        ("xorr", [], PluginError, 'Evaluator "xorr" is not installed. Did you mean "xor"?'),
        ("xor", ["hiden=7"], OptionError, 'Unknown option "hiden". Did you mean "hidden"?'),
        ("xor", ["hidden=many"], OptionError, 'Option "hidden" expects int, got "many".'),
        ("xor", ["hidden=0"], OptionError, "hidden is at least 1, got 0."),
    ],
)
def test_what_makes_no_evaluator_is_told_with_the_near_word(name, pairs, error, message):
    with pytest.raises(error, match=f"^{re.escape(message)}"):
        make_evaluator(name, pairs)


# --- settings of an algorithm ---


def test_settings_are_the_algorithms_then_the_evaluators_then_those_given():
    given = make_settings("ga", ["sigma=0.9"], Xor(), population=50)
    defaults, own = GeneticSettings(), Xor.settings["ga"]
    assert (given.indpb, given.spread) == (defaults.indpb, own["spread"])
    assert (given.sigma, given.population) == (0.9, 50)
    assert make_settings("ga", [], Xor()).population == own["population"]
    assert make_settings("ga", []) == defaults


def test_the_population_of_its_own_option_counts_more_than_that_of_the_algorithms():
    assert make_settings("ga", ["population=30"]).population == 30
    assert make_settings("ga", ["population=30"], population=40).population == 40


@pytest.mark.parametrize(
    ("algorithm", "pairs", "message"),
    [
        ("gaa", [], 'Unknown algorithm "gaa". Did you mean "ga"? Valid: '),
        ("ga", ["sgima=1"], 'Unknown option "sgima". Did you mean "sigma"? Valid: crossover, '),
        ("ga", ["population=1.5"], 'Option "population" expects int, got "1.5".'),
        (
            "ga",
            ["crossover=unifrm"],
            'Option "crossover" expects uniform | arithmetic | onepoint | neuron | layer | '
            'aligned, got "unifrm". Did you mean "uniform"?',
        ),
        ("ga", ["population=1"], "population is at least 2, got 1."),
    ],
)
def test_what_makes_no_settings_is_told_with_the_near_word(algorithm, pairs, message):
    with pytest.raises(OptionError, match=f"^{re.escape(message)}"):
        make_settings(algorithm, pairs)


STEPS = """
from dataclasses import dataclass
from deapnets.algorithms.base import Settings

@dataclass(frozen=True)
class Hop(Settings):
    population: int = 7
    height: float = 1.5

    def begin(self, evaluator, mapping):
        raise NotImplementedError
"""


def test_algorithm_of_a_plugin_is_found_by_its_name(install):
    lines = "hop = fake_steps:Hop\nbad = os:curdir\ndict = builtins:dict"
    install("steps", lines, group=STRATEGIES, fake_steps=STEPS)
    for name in ("hop", "steps:hop"):
        settings = make_settings(name, ["height=2"])
        assert (type(settings).__name__, settings.population, settings.height) == ("Hop", 7, 2.0)
    with pytest.raises(PluginError, match=r'^Strategy "bad" of steps 1.0 .* expected a class'):
        make_settings("bad", [])
    with pytest.raises(PluginError, match=r'^Strategy "dict" is dict, which is no .*Settings\.$'):
        make_settings("dict", [])


# --- seeds ---


def test_drawn_seeds_are_in_range_and_do_not_follow_the_random_module():
    seeds = [draw_seed() for _ in range(20)]
    assert all(0 <= seed < 1 << 32 for seed in seeds)
    assert len(set(seeds)) > 15
