"""What every algorithm of the command line does: our own keep the contract that others' have."""

from __future__ import annotations

from deapnets.algorithms.descent import AdamSettings
from deapnets.algorithms.ga import GeneticSettings
from deapnets.algorithms.randomweights import RandomWeightsSettings
from deapnets.algorithms.searches import (
    AgingSettings,
    LocalSettings,
    NonAgingSettings,
    PairsSettings,
    RandomSettings,
    ReinforceSettings,
)
from deapnets.algorithms.strategy import OpenSettings, PgpeSettings, SepCmaSettings, SnesSettings
from deapnets.evaluators.bitstring import BitString
from deapnets.testing import AlgorithmContract


class TestAlgorithms(AlgorithmContract):
    cases = [
        (GeneticSettings, {"population": 12, "sigma": 0.5}),
        (GeneticSettings, {"population": 12, "schedule": "goal", "goal": 0.0}),
        (GeneticSettings, {"population": 12, "schedule": "selfadaptive"}),
        (GeneticSettings, {"population": 12, "replacement": "plus", "offspring": 5}),
        (GeneticSettings, {"population": 6, "replacement": "comma"}),
        (GeneticSettings, {"population": 12, "replacement": "plus", "selection": "nsga2"}),
        (RandomWeightsSettings, {"population": 12}),
        (AdamSettings, {}),
        (OpenSettings, {"population": 12}),
        (OpenSettings, {"population": 12, "rank": None}),
        (PgpeSettings, {"population": 12}),
        (SnesSettings, {"population": 12}),
        (SepCmaSettings, {"population": 12}),
    ]


class TestSearches(AlgorithmContract):
    cases = [
        (AgingSettings, {"population": 8, "tournsize": 3}),
        (NonAgingSettings, {"population": 8, "tournsize": 3}),
        (PairsSettings, {"population": 8}),
        (RandomSettings, {"population": 8}),
        (LocalSettings, {"population": 8}),
        (ReinforceSettings, {"population": 8}),
    ]

    def task(self):
        return BitString(bits=10)
