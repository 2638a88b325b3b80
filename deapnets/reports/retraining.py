"""The final word on a search: its best architectures trained again, from scratch, on other seeds.

The best of many noisy scores is a lucky one: the winner's curse. How lucky is the gap between the
score by which an architecture was chosen and the mean of trainings that had no say in the choice.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, final

from deapnets.errors import OptionError, RunError
from deapnets.evaluators.architectures import ArchitectureEvaluator
from deapnets.plugins import EVALUATORS, get
from deapnets.plugins.options import parse_options
from deapnets.randomness import Stream
from deapnets.reports.searching import networks_of
from deapnets.reports.story import Story, read_story
from deapnets.runs.environment import environment
from deapnets.runs.resuming import stored_plugin

FILE = "retrain.json"

_SALT = 0x7265747261696E  # "retrain": seeds that no search draws from Python's random


@final
@dataclass
class Candidate:
    """An architecture that is trained again.

    Attributes
    ----------
    rank
        By its search score, from 1.
    architecture
        Its text.
    searched
        Mean of the scores that the search has seen of it at the full fidelity.
    looks
        How many these are.
    scores
        One a seed, of trainings from scratch; the worst where it could not be trained.
    reasons
        Why trainings failed.
    """

    rank: int
    architecture: str
    searched: float
    looks: int
    scores: list[float] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    @property
    def mean(self) -> float:
        """Mean of the scores."""
        return statistics.fmean(self.scores)

    @property
    def deviation(self) -> float | None:
        """Standard deviation of the scores; None of a single one."""
        return statistics.stdev(self.scores) if len(self.scores) > 1 else None

    @property
    def gap(self) -> float:
        """By how much the search score is above the mean, in the fitness's unit."""
        return self.searched - self.mean


@final
class Retraining:
    """The best ``top`` architectures of a search, trained ``seeds`` times each.

    Parameters
    ----------
    path
        Directory of the search.
    top
        How many architectures, at least 1.
    seeds
        Trainings of each, at least 1; a deviation takes 2.
    options
        ``KEY=VALUE`` of the evaluator that are other than in the search: more epochs, say.

    Attributes
    ----------
    candidates
        In the order of their search scores.

    Raises
    ------
    OptionError
        When a number is below 1, or an option cannot be used.
    RunError
        When the run searched no architectures, or did not write down which.
    """

    def __init__(self, path: str, top: int, seeds: int, options: Sequence[str] = ()) -> None:
        for name, value in (("--top", top), ("--seeds", seeds)):
            if value < 1:
                raise OptionError(f"{name} is at least 1, got {value}.")
        self.story, self.seeds = read_story(path), seeds
        self.options = list(options)
        self.evaluator = _evaluator(self.story, options)
        self._direction = 1.0 if self.evaluator.weights[0] > 0 else -1.0
        self.candidates = _best(self.story, top, self._direction)

    def run(self) -> Iterator[Candidate]:
        """Train candidate after candidate; yield each once all its trainings are done."""
        space = self.evaluator.space()
        self.evaluator.open()
        fidelity = self.evaluator.fidelities[-1]
        for candidate in self.candidates:
            genome = space.parse(candidate.architecture)
            for seed in self._seeds():
                outcome = self.evaluator.outcome(genome, fidelity, seed)
                candidate.scores.append(float(outcome.values[0]))
                if "infeasible" in outcome.records:
                    candidate.reasons.append(str(outcome.records["infeasible"]))
            yield candidate

    def _seeds(self) -> list[int]:
        """Return the seeds, the same for every candidate: what they share makes no difference."""
        stream = Stream(_SALT ^ int(self.story.config.get("seed") or 0))
        return [stream.integer() for _ in range(self.seeds)]

    def winner(self) -> Candidate:
        """Return the candidate with the best mean."""
        return max(self.candidates, key=lambda one: self._direction * one.mean)

    def report(self) -> dict[str, Any]:
        """Return what came out, as JSON values; the winner alone is measured on the test split."""
        winner = self.winner()
        individual = self.evaluator.space().parse(winner.architecture)
        gaps = [candidate.gap for candidate in self.candidates]
        return {
            "evaluator": self.story.config.get("evaluator"),
            "options": self.options,
            "top": len(self.candidates),
            "seeds": self.seeds,
            "environment": environment(),
            "candidates": [
                {**asdict(one), "mean": one.mean, "deviation": one.deviation, "gap": one.gap}
                for one in self.candidates
            ],
            "mean_gap": statistics.fmean(gaps),
            "rank_correlation": self._correlation(),
            "winner": {"rank": winner.rank, "architecture": winner.architecture},
            "metrics": self.evaluator.measure(individual),
        }

    def _correlation(self) -> float | None:
        """Return Spearman's correlation of search scores and means; None of too few, or of ties."""
        from scipy import stats

        searched = [one.searched for one in self.candidates]
        means = [one.mean for one in self.candidates]
        if len(set(searched)) < 3 or len(set(means)) < 3:
            return None
        value = float(stats.spearmanr(searched, means).statistic)
        return value if math.isfinite(value) else None

    def verdict(self) -> str:
        """Return what it says, in a sentence or two."""
        winner, first = self.winner(), self.candidates[0]
        gap = statistics.fmean(one.gap for one in self.candidates) * self._direction
        count = len(self.candidates)
        if count == 1:
            seen = f"{gap:.4g} too high" if gap > 0 else "no higher than it is"
            return f"The search saw its best network {seen}."
        seen = f"{gap:.4g} too high on average" if gap > 0 else "no higher than they are"
        said = f"The search saw its best {count} {seen}."
        if winner.rank == 1:
            return f"{said} Its favourite is the best of them again."
        return (
            f"{said} Its favourite has {first.mean:.4g}, rank {winner.rank} of the search is the "
            f"best of them with {winner.mean:.4g}."
        )


def _evaluator(story: Story, options: Sequence[str]) -> ArchitectureEvaluator:
    """Return the run's evaluator, nothing of which has been trained."""
    config: Mapping[str, Any] = story.config
    try:
        name = f"{config['distribution']}:{config['evaluator']}"
        changed = parse_options(options, get(EVALUATORS, name).load().options())
        merged = {**config, "options": {**config["options"], **changed}}
    except (KeyError, TypeError) as error:
        raise RunError(f"{story.path / 'config.json'} is not what deapnets run wrote.") from error
    evaluator = stored_plugin(story.path, merged, any_version=True).instance
    if not isinstance(evaluator, ArchitectureEvaluator):
        raise RunError(
            f"The run in {story.path} evolved weights: there are no architectures to train. "
            "deapnets retrain is for searches: deapnets run nasbench201 --algorithm aging"
        )
    return evaluator


def _best(story: Story, top: int, direction: float) -> list[Candidate]:
    """Return the architectures with the best mean of their scores at the full fidelity."""
    networks = [network for network in networks_of(story) if network.reason is None]
    if not networks:
        raise RunError(
            f"{story.path / 'trace.jsonl'} lists no architecture that could be trained: the run "
            "was made by an older deapnets, or has just begun."
        )
    full = max(network.level for network in networks)
    scores: dict[str, list[float]] = {}
    for network in networks:
        if network.level == full:
            scores.setdefault(network.text, []).append(network.fitness)
    ranked = sorted(scores, key=lambda text: -direction * statistics.fmean(scores[text]))
    return [
        Candidate(rank, text, statistics.fmean(scores[text]), len(scores[text]))
        for rank, text in enumerate(ranked[:top], 1)
    ]
