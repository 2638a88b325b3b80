"""`eaIslands`: several populations that evolve apart and send their best on, as an iterator."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, chain, pairwise
from typing import Any, final

from deap import base, tools

from deapnets.algorithms.breeding import breed, evaluate, require_loop
from deapnets.algorithms.loop import Evaluated, Loop
from deapnets.errors import OptionError
from deapnets.genomes.weights import WeightGenome
from deapnets.machine.collecting import collector_paused


@final
class eaIslands(Loop):
    """Islands: populations that evolve apart, and let some individuals migrate now and then.

    ::

        evaluate(all islands)
        for g in range(1, ngen + 1):
            if g is a multiple of every:
                migrate(islands)
            for each island:
                parents = select(island, len(island) - elites)
                offspring = varAnd(parents, toolbox, cxpb, mutpb)
                island = the ``elites`` best of island + offspring
            evaluate(those of all islands without a valid fitness; all, where it is fresh)

    All islands are evaluated in one call of the map, which is one generation: with a mini-batch a
    generation, all see the same one, and who migrates has a score that can be compared. Iterate
    over it, stop when you like and go on later; or call `run`.

    Parameters
    ----------
    islands
        The populations, of at least two; those without a valid fitness are evaluated. They may
        start from different weights, but of one network: individuals migrate and mate.
    toolbox
        ``select, mate, mutate, evaluate, clone, map``, as `deapnets.eaGenerational` needs them, and
        ``migrate``, which changes the list of islands in place: DEAP's ring, say,
        ``toolbox.register("migrate", tools.migRing, k=2, selection=tools.selBest)``.
    cxpb, mutpb
        Probabilities of mating a pair and of mutating an individual, in [0, 1].
    ngen
        Generations after the initial one; None to go on for ever.
    every
        Generations from one migration to the next; None for islands that never meet.
    elites
        How many of the best of each island survive unchanged.
    stats
        A `deap.tools.Statistics`, compiled over all islands into each generation's record.
    halloffame
        A `deap.tools.HallOfFame` or `ParetoFront`, updated with each generation.
    verbose
        Print the logbook's line of each generation, as DEAP's algorithms do.

    Attributes
    ----------
    islands
        The present generation, a list of individuals an island.
    population
        All of them, island after island.
    logbook
        A `deap.tools.Logbook`: ``gen, nevals`` and what ``stats`` compiles.

    Raises
    ------
    OptionError
        When there are fewer than two islands, one is empty, a number cannot be used, or the toolbox
        has no ``migrate`` where ``every`` asks for it; when more are to leave an island than it
        has, raised when they migrate.
    LayoutError
        When islands hold different networks.
    EvaluationError
        When the map returns more or fewer results than it was given individuals.

    Notes
    -----
    Draws from Python's `random`, through the toolbox's operators and `deap.algorithms.varAnd`.
    """

    def __init__(
        self,
        islands: Sequence[Sequence[Any]],
        toolbox: base.Toolbox,
        cxpb: float,
        mutpb: float,
        ngen: int | None = None,
        *,
        every: int | None = 10,
        elites: int = 0,
        stats: tools.Statistics | None = None,
        halloffame: tools.HallOfFame | None = None,
        verbose: bool = False,
    ) -> None:
        _require_islands(islands)
        for island in islands:
            require_loop(island, cxpb, mutpb, elites)
        _require_migration(toolbox, every)
        everybody = list(chain.from_iterable(islands))
        super().__init__(everybody, toolbox, ngen, stats, halloffame, verbose)
        self._sizes = [len(island) for island in islands]
        self.cxpb, self.mutpb = cxpb, mutpb
        self.every, self.elites = every, elites

    @property
    def islands(self) -> list[list[Any]]:
        """The present populations of the islands."""
        ends = accumulate(self._sizes, initial=0)
        return [self.population[start:end] for start, end in pairwise(ends)]

    def _advance(self) -> Evaluated:
        """Let some migrate, if it is time; breed every island, and evaluate all of them."""
        with collector_paused():
            parents, population = self._breed() if self.number >= 0 else ([], self.population)
        evaluations = evaluate(population, self.toolbox, self._books)
        self.population = population
        return Evaluated(parents, evaluations)

    def _breed(self) -> tuple[list[Any], list[Any]]:
        """Return the parents and the next generation of all islands, island after island."""
        islands = self.islands
        if self.every is not None and (self.number + 1) % self.every == 0:
            _migrate(self.toolbox, islands)
        bred = [breed(one, self.toolbox, self.cxpb, self.mutpb, self.elites) for one in islands]
        parents, populations = zip(*bred, strict=True)
        return list(chain(*parents)), list(chain(*populations))


def _require_islands(islands: Sequence[Sequence[Any]]) -> None:
    """Raise unless there are several islands, and all of one network."""
    if any(hasattr(island, "fitness") for island in islands):
        raise OptionError(
            f"eaIslands takes a list of populations, got one population of {len(islands)}: divide "
            "it, or make several, such as [toolbox.population(n=50) for _ in range(4)]."
        )
    if len(islands) < 2:
        raise OptionError(
            f"eaIslands needs at least 2 islands, got {len(islands)}: a list of populations, "
            "such as [toolbox.population(n=50) for _ in range(4)]."
        )
    first = None
    for number, island in enumerate(islands):
        for individual in island:
            if not isinstance(individual, WeightGenome):
                continue
            if first is None:
                first = individual.layout
            where = f"Islands 0 and {number} hold different networks, which cannot mate"
            first.require(individual.layout, where)


def _require_migration(toolbox: base.Toolbox, every: int | None) -> None:
    if every is None:
        return
    if every < 1:
        raise OptionError(f"every is at least 1 generation, or None for never; got {every!r}.")
    if not hasattr(toolbox, "migrate"):
        raise OptionError(
            "eaIslands needs toolbox.migrate: toolbox.register("
            '"migrate", tools.migRing, k=2, selection=tools.selBest), or every=None for never.'
        )


def _migrate(toolbox: base.Toolbox, islands: list[list[Any]]) -> None:
    """Have some migrate; of an island with fewer than leave, DEAP says only that an index is off.

    Raises
    ------
    OptionError
        When more are to leave an island than it has.
    """
    try:
        toolbox.migrate(islands)
    except IndexError as error:
        leaving = getattr(toolbox.migrate, "keywords", {}).get("k")
        least = min(map(len, islands))
        if leaving is None or leaving <= least:
            raise
        raise OptionError(
            f"toolbox.migrate has {leaving} leave each island, but one has only {least}. Register "
            f"it with k={least}, or make the island larger."
        ) from error
