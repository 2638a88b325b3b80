"""Every script of `examples/`, run at a budget of about a second."""

from __future__ import annotations

import importlib.util
import os
import random
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch
from deap import base, creator, gp

import deapnets as dn
from deapnets.errors import OptionError
from deapnets.randomness import Stream

EXAMPLES = Path(__file__).parent.parent / "examples"
CHANCE = 0.1  # of ten digits


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], ModuleType]]:
    """Return a function that imports an example by its name.

    The examples create classes of the same names, as scripts that run alone may.
    """
    before = set(vars(creator))

    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, spec.name, module)
        spec.loader.exec_module(module)
        return module

    yield load
    for name in set(vars(creator)) - before:
        delattr(creator, name)


@pytest.fixture
def load_with_digits(load: Callable[[str], ModuleType]) -> Callable[[str], ModuleType]:
    """Return `load`, for examples that need the plugin deapnets-mnist."""
    pytest.importorskip("deapnets_mnist")
    return load


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_a_header_says_seconds_and_what_to_expect(path):
    header = path.read_text().split('"""')[1]
    assert re.search(r"^Seconds on two cores: \d", header, re.MULTILINE)
    assert re.search(r"^Expected: ", header, re.MULTILINE)


def test_every_example_is_run_here():
    source = Path(__file__).read_text()
    assert [p.stem for p in EXAMPLES.glob("*.py") if f'"{p.stem}"' not in source] == []


def test_xor_is_learned(load):
    example = load("xor")
    probabilities = example.main(population=200, generations=20, verbose=False)
    right = probabilities[torch.arange(4), example.TARGETS]
    assert right.min() > 0.5


def test_xor_takes_six_names_from_deapnets():
    source = (EXAMPLES / "xor.py").read_text()
    assert set(re.findall(r"\bdn\.(\w+)", source)) == {
        "WeightGenome",
        "initWeights",
        "cxUniform",
        "mutGaussian",
        "Supervised",
        "PopulationMap",
    }


def test_mnist_easimple_learns_the_bundled_digits(load_with_digits):
    example = load_with_digits("mnist_easimple")
    accuracy = example.main(population=60, generations=30, images=300, digits=True, verbose=False)
    assert accuracy > 4 * CHANCE


def test_mnist_easimple_learns_the_real_mnist(load_with_digits):
    folder = Path(os.environ.get("DEAPNETS_DATA", ""), "mnist")
    if not os.environ.get("DEAPNETS_DATA") or not folder.is_dir():
        pytest.skip("DEAPNETS_DATA names no folder with mnist/: the real MNIST is not here")
    example = load_with_digits("mnist_easimple")
    accuracy = example.main(population=60, generations=30, images=300, verbose=False)
    assert accuracy > 3 * CHANCE


def test_replacing_backpropagation_makes_one_change_at_a_time(load_with_digits):
    example = load_with_digits("replacing_backpropagation")
    net = torch.nn.Linear(4, 3)
    rows = torch.zeros(300, 4), torch.zeros(300, dtype=torch.int64)
    told = {}
    for change in example.CHANGES:
        toolbox, evaluator = example.make_toolbox(change, net, rows, rows, rows)
        evaluator.prepare([], 0, Stream(1))
        example.set_mutation(change, toolbox, generations=10)
        told[change] = {
            "ancestor": toolbox.individual.keywords["spread"],
            "batch": len(evaluator._batches.present),
            "loss": evaluator._fitness,
            "truncation": toolbox.select.func.__name__,
            "sigma": toolbox.mutate.keywords["indpb"],
        }
    for change in set(told) - {"nothing", "all"}:
        assert {n for n in told[change] if told[change][n] != told["nothing"][n]} == {change}
    assert all(told["all"][name] == told[name][name] for name in told["all"])


@pytest.mark.parametrize(
    ("change", "fitness", "sigmas"),
    [
        ("nothing", (0.2, 0.6, 1.0), (1.0, 0.505, 0.01)),
        ("loss", (-2.0, -1.0, 0.0), (1.0, 0.505, 0.01)),
        ("sigma", (0.2, 0.6, 1.0), (0.02, 0.02 * 0.15**0.5, 0.003)),
    ],
)
def test_replacing_backpropagation_mutates_less_near_the_goal_or_the_end(
    load_with_digits, change, fitness, sigmas
):
    example = load_with_digits("replacing_backpropagation")
    schedule = example.set_mutation(change, base.Toolbox(), generations=2)
    assert [schedule([best]) for best in fitness] == pytest.approx(sigmas)


def test_replacing_backpropagation_returns_curves_and_weights(load_with_digits):
    example = load_with_digits("replacing_backpropagation")
    budget = {"population": 6, "generations": 3, "digits": True, "every": 2}
    record = example.main("nothing", **budget, verbose=False)
    assert [len(record[name]) for name in ("best", "mean", "sigma")] == [4, 4, 4]
    assert record["looked"] == [0, 2, 3]
    assert [len(weights) for weights in record["weights"]] == [100, 100, 100]
    assert record["weights"][0] != record["weights"][-1]
    assert 0.0 < record["test_accuracy"] < 1.0


def test_mnist_es_learns_the_bundled_digits(load_with_digits):
    example = load_with_digits("mnist_es")
    accuracy = example.main(children=100, generations=60, digits=True, verbose=False)
    assert accuracy > 4 * CHANCE


def test_checkpointed_learns_and_started_again_is_at_its_end_at_once(load, tmp_path):
    example = load("checkpointed")
    budget = {"folder": str(tmp_path / "saved"), "ngen": 20, "size": 40, "every": 0.0}
    logbook = example.main(**budget)
    again = example.main(**budget)
    assert logbook[-1]["best"] > logbook[0]["best"]
    assert again.select("best") == logbook.select("best")


def test_custom_module_learns_and_leaves_the_frozen_embedding_as_it_was(load_with_digits):
    example = load_with_digits("custom_module")
    net, accuracy = example.main(population=40, generations=30, seed=3, verbose=False)
    torch.manual_seed(3)
    drawn = example.RowAttention()
    assert accuracy > 3 * CHANCE
    assert torch.equal(net.place, drawn.place)
    assert torch.equal(net.embedding.weight, drawn.embedding.weight)
    assert not torch.equal(net.query.weight, drawn.query.weight)


def test_custom_operator_beats_a_step_size_that_is_too_large(load_with_digits):
    example = load_with_digits("custom_operator")
    accuracies = example.main(population=60, generations=20, seeds=1, sigmas=(0.3,), verbose=False)
    assert accuracies["mutScales", 0.3][0] > accuracies["mutGaussian", 0.3][0] + CHANCE


def test_custom_operator_draws_steps_from_all_its_decades(load_with_digits, make_toolbox):
    example = load_with_digits("custom_operator")
    random.seed(1)
    parent = make_toolbox().individual()
    parent.weights = torch.zeros(len(parent))
    children = [make_toolbox().clone(parent) for _ in range(200)]
    for child in children:
        example.mutScales(child, sigma=1.0, decades=2)
    steps = torch.stack([child.weights.square().mean().sqrt() for child in children]).log10()
    assert steps.mean().item() == pytest.approx(-1, abs=0.15)  # of 200 from U(-2, 0)
    assert steps.min() < -1.8
    assert steps.max() > -0.2


def test_custom_operator_refuses_decades_that_are_none(load_with_digits, make_toolbox):
    example = load_with_digits("custom_operator")
    message = "mutScales: decades is a number of decades from 0 to 10, got -1."
    with pytest.raises(OptionError, match=re.escape(message)):
        example.mutScales(make_toolbox().individual(), sigma=0.1, decades=-1)


def test_custom_evaluator_swings_the_pendulum_cheaper_than_an_idle_motor(load):
    example = load("custom_evaluator")
    figures = example.main(population=40, generations=15, steps=100, verbose=False)
    evaluator = example.Pendulum(steps=100)
    idle = dn.initWeights(example.creator.Individual, evaluator.genome(), sigma=0.0)
    idle.weights = torch.zeros(len(idle))
    assert figures["cost"] < 0.8 * evaluator.measure(idle)["cost"]


def test_custom_evaluator_draws_the_same_starts_for_a_seed_and_other_ones_next_time(load):
    example = load("custom_evaluator")

    def starts(seed: int) -> torch.Tensor:
        evaluator = example.Pendulum()
        evaluator.prepare([], 0, Stream(seed))
        return evaluator._starts

    assert torch.equal(starts(5), starts(5))
    assert not torch.equal(starts(5), starts(6))


def test_pareto_finds_networks_with_less_weights_that_are_right_more_often_than_chance(
    load_with_digits,
):
    example = load_with_digits("pareto")
    figures = example.main(population=60, generations=25, verbose=False)
    sizes = [weights for weights, _ in figures]
    assert sizes == sorted(sizes)
    assert sizes[0] < 1_000
    assert max(accuracy for _, accuracy in figures) > 3 * CHANCE


def test_pareto_has_a_front_of_both_objectives(load_with_digits, make_toolbox):
    example = load_with_digits("pareto")
    inputs, targets = torch.randn(20, 3), torch.randint(0, 2, (20,))
    net = torch.nn.Linear(3, 2)
    task = dn.Supervised(net, inputs, targets)
    individual = dn.initWeights(example.creator.Individual, net, sigma=0.1)
    individual.weights = torch.tensor([1.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0])
    ((loss, share),) = dn.PopulationMap(device="cpu")(example.LossAndSize(task), [individual])
    assert (loss, share) == (pytest.approx(-task(individual)[0]), 0.25)
    assert individual.records["weights"] == 2


def test_lexicase_scores_each_class_on_its_own_images(load_with_digits):
    example = load_with_digits("lexicase")
    net = torch.nn.Linear(4, 10)
    inputs, targets = torch.randn(30, 4), torch.arange(30) % 10
    evaluator = example.Classes(net, inputs, targets)
    individual = dn.initWeights(example.creator.Individual, net, sigma=0.0)
    (scores,) = dn.PopulationMap(device="cpu")(evaluator, [individual])
    for label, score in enumerate(scores):
        rows = targets == label
        loss = torch.nn.functional.cross_entropy(net(inputs[rows]), targets[rows])
        assert score == pytest.approx(-loss.item(), rel=1e-5)
    assert individual.records["mean"] == pytest.approx(sum(scores) / 10)


def test_lexicase_keeps_a_few_images_of_the_rare_digits(load_with_digits):
    example = load_with_digits("lexicase")
    _, labels = example.few_of_some(torch.zeros(400, 1), torch.arange(400) % 10)
    counts = torch.bincount(labels, minlength=10).tolist()
    assert counts == [example.FEW if c in example.RARE else 40 for c in range(10)]


def test_lexicase_runs_both_selections(load_with_digits):
    example = load_with_digits("lexicase")
    figures = example.main(population=20, generations=5, seeds=1, verbose=False)
    assert list(figures) == ["tournament on the mean", "epsilon-lexicase"]
    assert all(0 <= worst <= whole <= 1 for lot in figures.values() for whole, worst in lot)


def test_symbolic_regression_finds_the_quartic(load):
    best = load("symbolic_regression").main(points=2000, population=200, generations=20, seed=3)
    assert best.fitness.values[0] < 1e-2
    assert isinstance(best, gp.PrimitiveTree)


def test_a_script_runs_from_the_command_line():
    script = str(EXAMPLES / "xor.py")
    command = [sys.executable, "-W", "error", script, "--population", "50", "--generations", "2"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    assert [line.split(":")[0] for line in run.stdout.splitlines()[-4:]] == [
        "0 xor 0",
        "0 xor 1",
        "1 xor 0",
        "1 xor 1",
    ]
