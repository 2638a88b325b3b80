"""`DiscriminatorJudge`: a network that is trained once a generation to tell real from made."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Sequence
from typing import Any, final

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812  (torch's own convention)

from deapnets.errors import OptionError
from deapnets.genomes.nodes import Node
from deapnets.genomes.weights import WeightGenome
from deapnets.machine.threads import one_thread
from deapnets_gan.chains import Layer, applied, hidden_values, layers_of
from deapnets_gan.cycling import Generalisation, described, generalisation
from deapnets_gan.fame import HallOfFame
from deapnets_gan.judge import Judge, Studio, Worth
from deapnets_gan.opponents import (
    SLOPE,
    Aggregate,
    Opponent,
    build_discriminator,
    require_steps,
    verdict,
)

_BATCH = 64  # real images of a step, and as many made ones
_RATE, _SMOOTH = 1e-3, 0.9  # of Adam; label of a real image
_ENOUGH = 0.9  # accuracy on fresh images above which it is not trained further
_MAKERS = 32  # of the population whose images it is trained on
_REAL = 512  # real images that made ones are compared with
_LONG = 30  # generations of a useless judge before that is said


@final
class DiscriminatorJudge(Judge):
    """A discriminator, trained by gradient in the parent process, before a generation is judged.

    ::

        each generation:
            repeat ``steps`` times, while its accuracy on the pool is below 90 %:
                a step on 64 real images and 64 made ones: a third by the best of the generation
                before, a third by the whole population, a third by earlier generations' best
            everybody is judged by it, and by ``opponents`` - 1 of its earlier selves

    Its own earlier selves are there against cycling: a generator that fools the present
    discriminator alone gains little.

    Parameters
    ----------
    images
        Training images ``[n, pixels]``.
    steps
        Steps of Adam in a generation, at most.
    opponents
        Discriminators that judge: the present one and earlier ones.
    aggregate
        ``"mean"`` or ``"worst"`` of what they say.
    memory
        Generators, and discriminators, of earlier generations that are kept.
    """

    def __init__(
        self,
        images: torch.Tensor,
        steps: int = 10,
        opponents: int = 3,
        aggregate: Aggregate = "mean",
        memory: int = 16,
    ) -> None:
        require_steps(steps, opponents)
        if opponents > memory + 1:
            raise OptionError(
                f"{opponents} opponents are asked for, and at most {memory} earlier discriminators "
                f"are kept: opponents is at most {memory + 1}."
            )
        self._images, self._steps = images, steps
        self._opponents, self._aggregate = opponents, aggregate
        self._net = build_discriminator(images.shape[1])
        self._optimiser = torch.optim.Adam(self._net.parameters(), lr=_RATE, betas=(0.5, 0.999))
        self._makers, self._selves = HallOfFame(memory), HallOfFame(memory)
        self._best: torch.Tensor | None = None
        self._accuracy, self._streak = 0.5, 0
        self._panel: list[Opponent] = []
        self._begun: tuple[int, torch.device] | None = None

    def prepare(self, population: Sequence[WeightGenome], studio: Studio, seed: int) -> None:
        """Train on images of this population and of earlier ones."""
        if not population:
            return
        generator = torch.Generator().manual_seed(seed)
        with one_thread():  # small steps, and the same bits with any number of threads
            total = _BATCH * self._steps
            made = pool_of(population, self._best, self._makers, studio, generator, total)
            real = studio.real(len(made), generator)
            for real_part, made_part in zip(real.split(_BATCH), made.split(_BATCH), strict=True):
                if self._right(real, made) < _ENOUGH:
                    self._step(real_part, made_part)
            self._accuracy = self._right(real, made)
        self._begun = None
        self._tell_of_collapse()

    def _step(self, real: torch.Tensor, made: torch.Tensor) -> None:
        self._optimiser.zero_grad()
        logits = self._net(torch.cat([real, made]))[:, 0]
        wanted = torch.cat([torch.full((len(real),), _SMOOTH), torch.zeros(len(made))])
        F.binary_cross_entropy_with_logits(logits, wanted).backward()
        self._optimiser.step()

    @torch.no_grad()
    def _right(self, real: torch.Tensor, made: torch.Tensor) -> float:
        """Return the accuracy on images that it is, or is about to be, trained on once."""
        right = (self._net(real) > 0).double().mean() + (self._net(made) <= 0).double().mean()
        return float(right) / 2

    def _tell_of_collapse(self) -> None:
        """Say, once, that the judge has told nobody anything for long."""
        useless = self._accuracy >= 0.995 or self._accuracy <= 0.505
        self._streak = self._streak + 1 if useless else 0
        if self._streak != _LONG:
            return
        if self._accuracy > 0.75:
            what = "tells all images apart"
            how = "Train it less (-o steps=2), or take a generator that learns faster."
        else:
            what, how = "cannot tell images apart", "Train it more (-o steps=20)."
        warnings.warn(
            f"The discriminator {what}: its accuracy was {self._accuracy:.2f} for {_LONG} "
            f"generations, so fitness says little. {how}",
            stacklevel=2,
        )

    def begin(self, seed: int, device: torch.device) -> None:
        """Choose the opponents of a generation, and the real images that they compare with."""
        if self._begun == (seed, device):
            return
        generator = torch.Generator().manual_seed(seed)
        rows = torch.randperm(len(self._images), generator=generator)[:_REAL]
        real = self._images[rows].to(device)
        earlier = self._earlier(generator)
        panel = [layers_of(self._net), *earlier]
        self._panel = [Opponent.of(there(layers, device), real) for layers in panel]
        self._begun = (seed, device)

    def _earlier(self, generator: torch.Generator) -> list[list[Layer]]:
        """Return earlier selves, drawn at random from those that are kept."""
        rows = self._selves.rows
        order = torch.randperm(len(rows), generator=generator)[: self._opponents - 1]
        return [self._layers_of_row(rows[int(index)]) for index in order]

    def _layers_of_row(self, row: torch.Tensor) -> list[Layer]:
        net = copy.deepcopy(self._net)
        nn.utils.vector_to_parameters(row, net.parameters())
        return layers_of(net)

    def worth(self, images: torch.Tensor) -> Worth:
        """Return what images ``[n, batch, pixels]`` are worth to the opponents."""
        return verdict(self._panel, images, self._aggregate)

    def loss(self, images: torch.Tensor, diversity: float) -> torch.Tensor:
        """Return the loss of a plain GAN's generator ``[n]``: minus the log-probability of real.

        Of the present discriminator alone, and without diversity (Goodfellow et al. 2014,
        arXiv:1406.2661, section 3).
        """
        return F.softplus(-self.logits(images)).mean(1)

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        """Return what the present discriminator says of images ``[n, batch, pixels]``."""
        layers = self._panel[0].layers
        hidden = hidden_values(layers[:-1], images.transpose(1, 2), SLOPE)[-1]
        return applied(layers[-1], hidden)[:, 0]

    def conclude(self, best: WeightGenome) -> None:
        """Keep the generation's best, and the discriminator as it is."""
        self._best = best.weights
        self._makers.note(self._best)
        self._selves.note(nn.utils.parameters_to_vector(self._net.parameters()).detach())

    def generalisation(self, studio: Studio) -> Generalisation:
        """Return how the generators that are kept fare against the discriminators that are."""
        layout = studio.layout()
        panel = [self._layers_of_row(row) for row in self._selves.rows]
        return generalisation(self._makers.members(layout), panel, studio)

    def matrix(self, studio: Studio) -> dict[str, Any]:
        """Return how generators of the whole run fare against discriminators of the whole run."""
        found = self.generalisation(studio)
        return described(found, self._makers.generations, self._selves.generations)

    def figures(self, studio: Studio) -> dict[str, float]:
        """Return ``judge_accuracy``, of the last generation, and ``later_is_better``."""
        later = self.generalisation(studio).later_is_better
        return {"judge_accuracy": self._accuracy, "later_is_better": later}

    def state_dict(self) -> dict[str, Any]:
        """Return the discriminator, Adam's moments, and what is remembered."""
        moments = [self._optimiser.state.get(value, {}) for value in self._net.parameters()]
        return {
            "net": {name: value.clone() for name, value in self._net.state_dict().items()},
            "moments": [{n: v.clone() for n, v in moment.items()} for moment in moments],
            "makers": self._makers.state_dict(),
            "selves": self._selves.state_dict(),
            "best": self._best,
            "accuracy": self._accuracy,
            "streak": self._streak,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a state that `state_dict` returned."""
        self._net.load_state_dict(state["net"])
        for value, moment in zip(self._net.parameters(), state["moments"], strict=True):
            if moment:
                self._optimiser.state[value] = {n: v.clone() for n, v in moment.items()}
        self._makers.load_state_dict(state["makers"])
        self._selves.load_state_dict(state["selves"])
        self._best = state["best"]
        self._accuracy, self._streak = state["accuracy"], state["streak"]
        self._begun = None


def pool_of(
    population: Sequence[WeightGenome],
    best: torch.Tensor | None,
    earlier: HallOfFame,
    studio: Studio,
    generator: torch.Generator,
    total: int,
) -> torch.Tensor:
    """Return ``total`` made images ``[total, pixels]`` in random order.

    In equal parts by some of the population, by the best of the generation before (its weights
    ``best``, where there was one), and by earlier generations' best.
    """
    layout = population[0].layout
    order = torch.randperm(len(population), generator=generator)[:_MAKERS]
    sources = [[population[int(index)] for index in order]]
    if best is not None:
        sources.append([WeightGenome(Node(layout, best))])
    if len(earlier):
        sources.append(earlier.members(layout))
    each = -(-total // len(sources))
    pool = torch.cat([studio.made(makers, each, generator) for makers in sources])
    return pool[torch.randperm(len(pool), generator=generator)[:total]]


def there(layers: Sequence[Layer], device: torch.device) -> list[Layer]:
    """Return layers on a device."""
    return [Layer(layer.weight.to(device), layer.bias.to(device)) for layer in layers]
