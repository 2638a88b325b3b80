"""The evaluator ``rule`` and its study: from the command line, resumed, and with statistics."""

import itertools
import json
import multiprocessing
import random
from concurrent.futures import ProcessPoolExecutor

import pytest
import torch
from click.testing import CliRunner
from deapnets_programs.rule import Rule
from deapnets_programs.study import FILE, Plan, report, run_cells

import deapnets as dn
from deapnets.algorithms.ga import individual_class
from deapnets.algorithms.searches import search_toolbox
from deapnets.cli import main
from deapnets.errors import OptionError, RunError
from deapnets.runs.budget import Budget
from deapnets.runs.configuring import Configuration, make_evaluator, make_settings
from deapnets.runs.directory import RunDirectory
from deapnets.runs.running import Run

TINY = ["-o", "tasks=2", "-o", "steps=10", "-o", "unseen=2"]


def deapnets(*words):
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(scope="module")
def evaluator():
    return Rule(tasks=6, steps=20, unseen=2)


def individuals(evaluator, *texts):
    kind = individual_class(evaluator, dn.ProgramGenome)
    return [evaluator.space().parse(text, kind) for text in texts]


def test_a_generation_has_the_scores_of_each_program_alone(evaluator):
    random.seed(1)
    population = individuals(evaluator, *(str_of(evaluator) for _ in range(12)))
    together = evaluator.outcomes(population, 1.0, range(12))
    for seed, (one, outcome) in enumerate(zip(population, together, strict=True)):
        assert outcome.values[0] == pytest.approx(evaluator.outcome(one, 1.0, seed).values[0])
        assert sum(outcome.records["cases"]) / 6 == pytest.approx(outcome.values[0], abs=1e-5)


def str_of(evaluator):
    return evaluator.space().text(evaluator.space().draw())


def test_known_validation_and_unseen_tasks_have_nothing_in_common(evaluator):
    lots = [evaluator.known[0], evaluator.validation[0], evaluator.unseen[0]]
    inputs = [lesson.tasks.inputs for lesson in lots]
    assert not any(torch.isin(a, b).any() for a, b in itertools.pairwise(inputs))
    assert len({lesson.seed for lesson in evaluator.known}) == len(evaluator.known)


def test_a_fidelity_of_a_quarter_is_a_quarter_of_the_steps(evaluator):
    (one,) = individuals(evaluator, "mul(mul(-3.0, change), noise)")
    short = Rule(tasks=6, steps=5, unseen=2)
    assert evaluator.outcome(one, 0.25, 3) == short.outcome(one, 1.0, 3)


@pytest.mark.parametrize("name", ["tasks", "steps", "unseen"])
def test_nothing_to_learn_is_refused(name):
    with pytest.raises(OptionError, match=f"{name} is at least 1, got 0"):
        Rule(**{name: 0})


def go(directory, algorithm, stop=None, *, resumes=False):
    """Run 60 evaluations, or until a step after which it is interrupted; return best and log."""
    plugin = make_evaluator("rule", TINY[1::2])
    pairs = [] if algorithm == "random" else ["population=8"]
    pairs += ["initial=12"] if algorithm == "gp" else []
    settings = make_settings(algorithm, pairs, plugin.instance)
    configuration = Configuration(
        plugin, algorithm, settings, Budget(evaluations=60), seed=4, device="cpu"
    )
    steps = iter(Run(configuration, directory, resumes=resumes))
    for number, _ in enumerate(steps):
        if number == stop:
            steps.close()
            break
    log = [{**line, "seconds": 0} for line in directory.log()]
    return directory.read("best.json"), log


@pytest.mark.parametrize("algorithm", ["gp", "aging", "random"])
def test_a_run_that_was_interrupted_ends_as_one_that_was_not(tmp_path, algorithm):
    whole = go(RunDirectory.create(tmp_path / "whole"), algorithm)
    parts = RunDirectory.create(tmp_path / "parts")
    go(parts, algorithm, 2)
    assert parts.read("result.json")["status"] == "interrupted"
    assert go(parts, algorithm, resumes=True) == whole


def test_a_finished_run_goes_on_with_a_larger_budget_and_is_shown(tmp_path):
    words = ["run", "rule", *TINY, "--algorithm", "gp", "--seed", 4, "--population", 8]
    deapnets(*words, "--generations", 2, "--out", tmp_path / "run")
    deapnets("resume", tmp_path / "run", "--generations", 4)
    shown = deapnets("show", tmp_path / "run")
    assert "test_score" in shown
    assert "architecture" in shown


@pytest.mark.parametrize("selection", ["double", "lexicase", "nsga2", "random"])
def test_every_selection_of_gp_runs(tmp_path, selection):
    words = ["run", "rule", *TINY, "--algorithm", "gp", "-a", f"selection={selection}", "--seed", 1]
    deapnets(*words, "--population", 12, "--generations", 4, "--out", tmp_path / "run")
    last = json.loads((tmp_path / "run" / "log.jsonl").read_text().splitlines()[-1])
    assert last["generation"] == 4
    assert 1 <= last["distinct"] <= 12
    assert last["nodes"] >= 1


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """Return plan, directory and report of a study of two seeds, begun in one call of two."""
    plan = Plan(seeds=2, evaluations=120, tasks=2, steps=5, unseen=2)
    directory = RunDirectory(tmp_path_factory.mktemp("study"))
    first = list(run_cells(plan, directory, workers=1, most=1))
    assert first == ["evolved/1"]
    rest = list(run_cells(plan, directory, workers=1))
    assert sorted([*first, *rest]) == sorted(
        f"{name}/{seed}" for name in ("evolved", "random search", "people") for seed in (1, 2)
    )
    return plan, directory, report(plan, directory)


def test_a_study_that_is_done_is_not_done_again(done):
    plan, directory, _ = done
    assert list(run_cells(plan, directory)) == []


def test_the_study_says_what_the_numbers_say(done):
    _, _, found = done
    rows = {row["rule"]: row["mean"] for row in found["rows"]}
    assert set(rows) >= {"evolved", "random search", "noise", "spsa", "hebb", "delta", "backprop"}
    text = " ".join(found["verdict"])
    assert "beats noise training on unseen tasks in" in text
    assert "of 2 seeds" in text
    assert "too few seeds to tell" in text


def test_a_program_of_the_study_scores_what_is_written(done):
    _, _, found = done
    evaluator = Rule(tasks=2, steps=5, unseen=2, seed=1)
    cell = found["cells"]["evolved/1"]
    program = evaluator.space().parse_genes(cell["program"])
    assert float(evaluator.score([program], evaluator.unseen)[0]) == pytest.approx(cell["unseen"])


def test_a_directory_of_another_plan_is_refused(done):
    with pytest.raises(RunError, match=r"rule\.json is of seeds=2, not 3\. Give another --out"):
        list(run_cells(Plan(seeds=3, evaluations=120, tasks=2, steps=5, unseen=2), done[1]))


def test_a_study_without_a_complete_seed_says_what_to_type(tmp_path):
    with pytest.raises(RunError, match=f"No seed of .*{FILE} is complete: deapnets study rule"):
        report(Plan(), RunDirectory(tmp_path))


def test_the_command_prints_the_table_and_the_programs(done):
    _plan, directory, _ = done
    words = ["--seeds", 2, "--evaluations", 120, "--tasks", 2, "--steps", 5, "--unseen", 2]
    printed = deapnets("study", "rule", *words, "--out", directory.path)
    assert "backprop" in printed
    assert "seed 1: change = " in printed
    assert (directory.path / "rule.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads(deapnets("study", "rule", *words, "--out", directory.path, "--json"))["rows"]


def test_a_study_of_nothing_is_refused():
    with pytest.raises(OptionError, match="seeds is at least 1, got 0"):
        Plan(seeds=0)


def test_a_search_in_other_processes_finds_what_it_finds_in_this_one():
    def go(executor=None):
        random.seed(1)
        toolbox = search_toolbox(Rule(tasks=2, steps=5, unseen=2))
        population = toolbox.population(n=6)
        search = dn.eaAging(population, toolbox, 3, evaluations=20, window=4, executor=executor)
        return str(search.run()), search.best().fitness.values

    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as executor:
        assert go(executor) == go()
