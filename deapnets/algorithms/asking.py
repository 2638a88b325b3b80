"""`eaGenerateUpdate`: DEAP's ask-and-tell loop as an iterator."""

from __future__ import annotations

from typing import final

from deap import base, tools

from deapnets.algorithms.breeding import evaluate
from deapnets.algorithms.loop import Evaluated, Loop
from deapnets.machine.collecting import collector_paused


@final
class eaGenerateUpdate(Loop):
    """The ask-and-tell algorithm that hands over every generation.

    ::

        for g in range(ngen):
            population = generate()
            evaluate(population)
            update(population)

    Iterate over it, stop when you like and go on later; or call `run` for what DEAP's own
    `deap.algorithms.eaGenerateUpdate` returns. One iteration is one generation.

    Parameters
    ----------
    toolbox
        ``generate`` and ``update``, of a strategy of deapnets or of DEAP; ``evaluate``, and
        ``map``: a `deapnets.PopulationMap`, or any.
    ngen
        How many generations; None to go on for ever.
    stats, halloffame, verbose
        As in `deapnets.eaGenerational`.

    Attributes
    ----------
    population
        The present generation: the last one that was evaluated, also after an error.
    logbook
        A `deap.tools.Logbook`: ``gen, nevals`` and what ``stats`` compiles.

    Raises
    ------
    EvaluationError
        When the map returns more or fewer results than it was given individuals.

    Notes
    -----
    Draws what the strategy draws from.
    """

    initial = False  # every generation is generated

    def __init__(
        self,
        toolbox: base.Toolbox,
        ngen: int | None = None,
        *,
        stats: tools.Statistics | None = None,
        halloffame: tools.HallOfFame | None = None,
        verbose: bool = False,
    ) -> None:
        super().__init__([], toolbox, ngen, stats, halloffame, verbose)

    def _advance(self) -> Evaluated:
        """Generate, evaluate and learn from the next generation."""
        with collector_paused():
            population = list(self.toolbox.generate())
        evaluations = evaluate(population, self.toolbox, self._books)
        self.population = population
        self.toolbox.update(population)
        return Evaluated([], evaluations)
