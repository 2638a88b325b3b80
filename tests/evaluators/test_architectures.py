"""Evaluators of architectures: what an outcome is, and what is refused."""

from __future__ import annotations

import random
import re
import statistics

import pytest

import deapnets as dn
from deapnets.errors import ArchitectureError, EvaluationError, OptionError
from deapnets.evaluators.bitstring import BitSpace, BitString
from deapnets.testing import ArchitectureContract, SpaceContract


class Given(dn.ArchitectureEvaluator):
    """Whatever it was given."""

    def __init__(self, returned):
        self.returned = returned
        self._space = BitSpace(4)

    def space(self):
        return self._space

    def evaluate_one(self, individual, fidelity, rng):
        if isinstance(self.returned, Exception):
            raise self.returned
        return self.returned


def row(text="0110"):
    return BitSpace(4).parse(text)


def test_an_individual_gets_fitness_and_records():
    individual = row()
    evaluator = Given(dn.Outcome((0.5,), 3.0, {"epochs": 2}))
    assert evaluator(individual) == (0.5,)
    assert individual.records == {"epochs": 2}


@pytest.mark.parametrize(
    ("returned", "reason"),
    [
        (ArchitectureError("no path"), "no path"),
        (dn.Outcome((float("nan"),), 3.0), "not finite"),
        (dn.Outcome((float("inf"),)), "not finite"),
    ],
)
def test_what_cannot_be_trained_or_diverges_is_worst_and_says_why(returned, reason):
    individual = row()
    assert Given(returned)(individual) == (0.0,)
    assert reason in individual.records["infeasible"]


def test_too_few_values_are_refused():
    with pytest.raises(EvaluationError, match="returned 2 values for 1 objective"):
        Given(dn.Outcome((0.5, 0.5)))(row())


def test_other_errors_are_not_swallowed():
    with pytest.raises(ZeroDivisionError):
        Given(ZeroDivisionError())(row())


@pytest.mark.parametrize("other", [dn.CellGenome(dn.NASBENCH201, (0,) * 6), [1, 0], None])
def test_individuals_of_another_space_are_refused(other):
    with pytest.raises(EvaluationError, match="evaluates individuals of bitstring, got one of"):
        BitString()(other)


def test_a_chunk_of_networks_is_refused():
    with pytest.raises(EvaluationError, match="one architecture at a time"):
        BitString().evaluate(None)


def test_unknown_keywords_are_refused():
    with pytest.raises(EvaluationError, match="takes no keyword epochs"):
        Given(dn.Outcome((0.5,)))(row(), epochs=3)


def test_noise_is_of_the_seed_alone_and_has_its_deviation():
    evaluator = BitString(bits=4, noise=0.2)
    same = {evaluator.outcome(row(), 1.0, 5).values for _ in range(3)}
    assert len(same) == 1
    values = [evaluator.outcome(row(), 1.0, seed).values[0] for seed in range(2000)]
    assert statistics.fmean(values) == pytest.approx(0.5, abs=0.02)
    assert statistics.stdev(values) == pytest.approx(0.2, abs=0.02)


def test_bits_are_measured_without_noise():
    assert BitString(bits=4, noise=3.0).measure(row("0111")) == {"test_accuracy": 0.75}


class TestBits(SpaceContract):
    cases = [(BitSpace, {"bits": 30})]


class TestBitString(ArchitectureContract):
    cases = [(BitString, {}), (BitString, {"bits": 4, "noise": 0.0})]


def test_a_text_of_other_bits_is_refused():
    with pytest.raises(OptionError, match=re.escape("Expected 30 characters of 0 and 1")):
        BitSpace(30).parse("01")


@pytest.mark.parametrize(
    ("options", "message"),
    [({"bits": 0}, "bits is at least 1, got 0"), ({"noise": -1.0}, "noise is a finite number")],
)
def test_bits_that_cannot_be_are_refused(options, message):
    with pytest.raises(OptionError, match=message):
        BitString(**options)


def test_aging_beats_nonaging_where_noise_is_large():
    from deapnets.algorithms.searches import AgingSettings, NonAgingSettings

    evaluator = BitString()
    found = {AgingSettings: [], NonAgingSettings: []}
    for seed in range(6):
        for kind, shares in found.items():
            random.seed(seed)
            mapping = dn.PopulationMap(device="cpu")
            search = kind(population=50, tournsize=10).begin(evaluator, mapping)
            while mapping.evaluations < 1000:
                search.step(mapping.evaluations / 1000)
            champion = search.candidates()["champion"]
            shares.append(evaluator.measure(champion)["test_accuracy"])
    aging, nonaging = map(statistics.fmean, found.values())
    assert aging > nonaging + 0.03
