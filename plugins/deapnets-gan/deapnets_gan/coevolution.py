"""`CoevolvedJudge`: discriminators that are a second population; nothing is ever differentiated."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, final

import torch
from deap import base, tools
from torch import nn

from deapnets.algorithms.ga import individual_class
from deapnets.algorithms.generational import eaGenerational
from deapnets.errors import OptionError
from deapnets.evaluators.supervised import Supervised
from deapnets.genomes.layout import Layout
from deapnets.genomes.nodes import Node
from deapnets.genomes.weights import WeightGenome
from deapnets.machine.threads import one_thread
from deapnets.mapping import PopulationMap
from deapnets.operators.crossover import cxUniform
from deapnets.operators.initialisation import initWeights
from deapnets.operators.mutation import mutGaussian
from deapnets.operators.selection import selTruncation
from deapnets_gan.chains import layers_of
from deapnets_gan.cycling import Generalisation, described, generalisation
from deapnets_gan.discriminator import pool_of, there
from deapnets_gan.fame import HallOfFame
from deapnets_gan.judge import Judge, Studio, Worth
from deapnets_gan.opponents import Aggregate, Opponent, build_discriminator, require_steps, verdict

_POOL, _REAL = 256, 512
_SPREAD, _SIGMA = 0.1, 0.03


@final
class CoevolvedJudge(Judge):
    """A population of discriminators that is bred on the images of the generators, and judges them.

    ::

        each generation:
            for ``steps`` generations of their own:
                evaluate(discriminators)      on 256 real and 256 made images, by cross-entropy
                parents = the better half; uniform crossover, gaussian mutation; 2 elites
            everybody is judged by the best of them and by earlier ones, ``opponents`` in all

    Source of the scheme: Hillis 1990, doi:10.1016/0167-2789(90)90076-2 (two populations that are
    each other's problems); Rosin & Belew 1997, doi:10.1162/evco.1997.5.1.1 (hall of fame).

    Parameters
    ----------
    images
        Training images ``[n, pixels]``.
    steps
        Generations of the discriminators for one of the generators.
    opponents
        Discriminators that judge: half of them, rounded up, the best of the present ones, the
        others earlier ones.
    aggregate
        ``"mean"`` or ``"worst"`` of what they say.
    size
        Discriminators in the population.
    memory
        Earlier generators, and earlier discriminators, that are kept.
    """

    def __init__(
        self,
        images: torch.Tensor,
        steps: int = 2,
        opponents: int = 3,
        aggregate: Aggregate = "mean",
        size: int = 40,
        memory: int = 16,
    ) -> None:
        require_steps(steps, opponents)
        if size < max(4, opponents):
            raise OptionError(
                f"{opponents} opponents are asked for, of a population of {size} discriminators: "
                f"give -o discriminators={max(4, opponents)} or more, or fewer opponents."
            )
        self._images, self._steps, self._size = images, steps, size
        self._opponents, self._aggregate = opponents, aggregate
        self._net = build_discriminator(images.shape[1])
        self._layout = Layout.of(self._net)
        self._rows: torch.Tensor | None = None  # of the population, the best first
        self._makers, self._selves = HallOfFame(memory), HallOfFame(memory)
        self._best: torch.Tensor | None = None
        self._accuracy = 0.5
        self._panel: list[Opponent] = []
        self._begun: tuple[int, torch.device] | None = None

    def prepare(self, population: Sequence[WeightGenome], studio: Studio, seed: int) -> None:
        """Breed the discriminators on images of this population and of earlier ones."""
        if not population:
            return
        generator = torch.Generator().manual_seed(seed)
        held = random.getstate()
        random.seed(seed)  # whatever the generators' algorithm draws stays the same
        try:
            with one_thread():
                made = pool_of(population, self._best, self._makers, studio, generator, _POOL)
                inputs = torch.cat([studio.real(len(made), generator), made])
                targets = (torch.arange(len(inputs)) < len(made)).float()[:, None]
                self._breed(inputs, targets)
        finally:
            random.setstate(held)
        self._begun = None

    def _breed(self, inputs: torch.Tensor, targets: torch.Tensor) -> None:
        task = Supervised(self._net, inputs, targets, loss="bce_with_logits")
        kind = individual_class(task)
        toolbox = base.Toolbox()
        toolbox.register("mate", cxUniform, indpb=0.5)
        toolbox.register("mutate", mutGaussian, sigma=_SIGMA, indpb=1.0)
        toolbox.register("select", selTruncation, share=0.5)
        toolbox.register("evaluate", task)
        toolbox.register("map", PopulationMap(device="cpu", seed=0))
        loop = eaGenerational(self._population(kind), toolbox, 1.0, 1.0, ngen=self._steps, elites=2)
        for _ in loop:
            pass
        ordered = tools.selBest(loop.population, len(loop.population))
        self._rows = torch.stack([one.weights for one in ordered])
        answers = ordered[0].module(self._net)(inputs).detach()
        self._accuracy = float(((answers > 0).float() == targets).double().mean())

    def _population(self, kind: type[Any]) -> list[Any]:
        if self._rows is None:
            return [initWeights(kind, self._net, sigma=_SPREAD) for _ in range(self._size)]
        return [kind(Node(self._layout, row)) for row in self._rows]

    def begin(self, seed: int, device: torch.device) -> None:
        """Choose the opponents of a generation, and the real images that they compare with."""
        if self._begun == (seed, device):
            return
        generator = torch.Generator().manual_seed(seed)
        rows = torch.randperm(len(self._images), generator=generator)[:_REAL]
        real = self._images[rows].to(device)
        self._panel = []
        for row in self._chosen(generator):
            nn.utils.vector_to_parameters(row, self._net.parameters())
            self._panel.append(Opponent.of(there(layers_of(self._net), device), real))
        self._begun = (seed, device)

    def _chosen(self, generator: torch.Generator) -> list[torch.Tensor]:
        """Return the weights of the opponents: the best present ones, and earlier ones."""
        if self._rows is None:
            return [nn.utils.parameters_to_vector(self._net.parameters()).detach()]
        earlier = self._selves.rows
        order = torch.randperm(len(earlier), generator=generator)[: self._opponents // 2]
        chosen = [earlier[int(index)] for index in order]
        return [*self._rows[: self._opponents - len(chosen)], *chosen]

    def worth(self, images: torch.Tensor) -> Worth:
        """Return what images ``[n, batch, pixels]`` are worth to the opponents."""
        return verdict(self._panel, images, self._aggregate)

    def conclude(self, best: WeightGenome) -> None:
        """Keep the generation's best generator and the best discriminator."""
        self._best = best.weights
        self._makers.note(self._best)
        if self._rows is not None:
            self._selves.note(self._rows[0].clone())

    def generalisation(self, studio: Studio) -> Generalisation:
        """Return how the generators that are kept fare against the discriminators that are."""
        panel = []
        for row in self._selves.rows:
            nn.utils.vector_to_parameters(row, self._net.parameters())
            panel.append(there(layers_of(self._net), torch.device("cpu")))
        return generalisation(self._makers.members(studio.layout()), panel, studio)

    def matrix(self, studio: Studio) -> dict[str, Any]:
        """Return how generators of the whole run fare against discriminators of the whole run."""
        found = self.generalisation(studio)
        return described(found, self._makers.generations, self._selves.generations)

    def figures(self, studio: Studio) -> dict[str, float]:
        """Return ``judge_accuracy``, on what was bred on last, and ``later_is_better``."""
        later = self.generalisation(studio).later_is_better
        return {"judge_accuracy": self._accuracy, "later_is_better": later}

    def state_dict(self) -> dict[str, Any]:
        """Return the population, and what is remembered."""
        return {
            "rows": self._rows,
            "makers": self._makers.state_dict(),
            "selves": self._selves.state_dict(),
            "best": self._best,
            "accuracy": self._accuracy,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a state that `state_dict` returned."""
        self._rows, self._best = state["rows"], state["best"]
        self._makers.load_state_dict(state["makers"])
        self._selves.load_state_dict(state["selves"])
        self._accuracy = state["accuracy"]
        self._begun = None
