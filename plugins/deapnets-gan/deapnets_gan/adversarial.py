"""The command line's ``plaingan`` and ``dcgan``: a generator and a discriminator, both by Adam."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional as F  # noqa: N812  (torch's own convention)

from deapnets.algorithms.base import Algorithm, Generation, Settings
from deapnets.algorithms.descent import BACKWARD, require_rates
from deapnets.algorithms.ga import individual_class
from deapnets.errors import OptionError, at_least_one
from deapnets.evaluators.base import Evaluator
from deapnets.genomes.nodes import Node
from deapnets.genomes.weights import WeightGenome
from deapnets.mapping import PopulationMap
from deapnets.operators.schedules import exponential
from deapnets_gan.opponents import SLOPE, build_discriminator
from deapnets_gan.task import GenerativeTask

_SMOOTH = 0.9  # label of a real image
_BETAS = (0.5, 0.999)  # of Adam: Radford et al. 2015
_FILTERS = (16, 32)  # of a discriminator that convolves


@final
@dataclass(frozen=True)
class AdversarialSettings(Settings):
    """A generator and a discriminator, a step of Adam each in turn: the baseline by gradient.

    Parameters
    ----------
    population
        1: there is one generator.
    rate
        Step size of both at the start.
    rate_end
        Step size of both at the end of the budget; between them it falls exponentially.
    batch
        Real images of a step, and as many made ones.
    steps
        Steps of each network in a generation, after which the generator is scored once.
    """

    population: int = 1
    rate: float = 1e-3
    rate_end: float = 1e-4
    batch: int = 64
    steps: int = 20

    def __post_init__(self) -> None:
        if self.population != 1:
            raise OptionError(f"There is one generator: population is 1, got {self.population}.")
        at_least_one(batch=self.batch, steps=self.steps)
        require_rates(self.rate, self.rate_end)

    def begin(self, evaluator: Evaluator, mapping: PopulationMap) -> Adversarial:
        """Return the algorithm, at the generator's initial weights; the rest is from `random`.

        Raises
        ------
        OptionError
            When the evaluator generates no images.
        """
        if not isinstance(evaluator, GenerativeTask):
            raise OptionError(
                f"{evaluator.title} generates no images. Try: deapnets run gan --algorithm plaingan"
            )
        return Adversarial(self, evaluator, mapping)


@final
class Adversarial(Algorithm):
    """Two networks against each other, by gradient.

    ::

        for g in 1, 2, ...:
            repeat ``steps`` times, on ``batch`` real images and new latents:
                a step of the discriminator: cross-entropy, real images labelled 0.9
                a step of the generator: minus the log-probability that its images are real
            evaluate(generator)           by whatever the judge is: it has no say in the training

    The discriminator convolves where the generator does, and is fully connected otherwise; it is
    new for each run, and nobody's judge. Source: Goodfellow et al. 2014, arXiv:1406.2661; with
    convolutions Radford et al. 2015, arXiv:1511.06434, without its batch normalisation, which an
    evolved generator cannot have. A step of both counts as four forward and four backward passes.
    """

    def __init__(
        self, settings: AdversarialSettings, evaluator: GenerativeTask, mapping: PopulationMap
    ) -> None:
        self.settings = settings
        self.rate = settings.rate
        self._evaluator, self._mapping = evaluator, mapping
        self._kind = individual_class(evaluator)
        module, where = evaluator.genome(), mapping.device
        self._layout = evaluator.layout()
        self._template = copy.deepcopy(module).to(where)
        self._weights = nn.Parameter(self._layout.flatten(module).to(where))
        self._judge = discriminator_of(module, evaluator.images.shape).to(where)
        self._real = evaluator.images.train.to(where)
        self._ours = torch.optim.Adam([self._weights], betas=_BETAS)
        self._theirs = torch.optim.Adam(self._judge.parameters(), betas=_BETAS)
        self._generator = torch.Generator().manual_seed(random.getrandbits(63))
        self._number = -1
        self._network: Any = None

    def step(self, spent: float) -> Generation:
        """Train both networks, and score the generator; in generation 0 as it began."""
        self._number += 1
        self.rate = exponential(self.settings.rate, self.settings.rate_end, spent)
        steps = self.settings.steps if self._number else 0
        for _ in range(steps):
            self._train()
        self._network = self._kind(Node(self._layout, self._weights.detach().cpu().clone()))
        with self._mapping.generation() as mapping:
            (self._network.fitness.values,) = mapping(self._evaluator, [self._network])
        passes = 4 * (1 + BACKWARD) * steps
        self._mapping.evaluations += passes
        self._mapping.forwards += passes * self.settings.batch
        return Generation(self._number, [self._network], [], 1 + passes, {})

    def _train(self) -> None:
        for optimiser in (self._ours, self._theirs):
            for group in optimiser.param_groups:
                group["lr"] = self.rate
            optimiser.zero_grad()
        batch, where = self.settings.batch, self._weights.device
        rows = torch.randint(len(self._real), (batch,), generator=self._generator)
        latents = torch.randn(batch, self._evaluator.latent, generator=self._generator).to(where)
        real = self._real[rows.to(where)]
        parameters = self._layout.split(self._weights)
        made = functional_call(self._template, parameters, (latents,)).reshape(real.shape)
        told = self._judge(torch.cat([real, made.detach()]))[:, 0]
        wanted = torch.cat([torch.full((batch,), _SMOOTH), torch.zeros(batch)]).to(where)
        F.binary_cross_entropy_with_logits(told, wanted).backward()
        self._theirs.step()
        F.softplus(-self._judge(made)).mean().backward()
        self._ours.step()

    def candidates(self) -> dict[str, WeightGenome]:
        """Return the generator that was scored last."""
        return {"champion": self._network}

    def figures(self) -> dict[str, float]:
        """Return ``rate``: the size of the last steps."""
        return {"rate": self.rate}

    def state_dict(self) -> dict[str, Any]:
        """Return both networks, their moments of Adam, and where the draws stand."""
        return {
            "number": self._number,
            "network": self._network,
            "weights": self._weights.detach().cpu().clone(),
            "judge": {n: v.detach().cpu().clone() for n, v in self._judge.state_dict().items()},
            "ours": _moments(self._ours, [self._weights]),
            "theirs": _moments(self._theirs, self._judge.parameters()),
            "generator": self._generator.get_state(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where ``state`` was taken."""
        self._number, self._network = state["number"], state["network"]
        with torch.no_grad():
            self._weights.copy_(state["weights"])
        self._judge.load_state_dict(state["judge"])
        _remember(self._ours, [self._weights], state["ours"])
        _remember(self._theirs, self._judge.parameters(), state["theirs"])
        self._generator.set_state(state["generator"])


def discriminator_of(generator: nn.Module, shape: tuple[int, int, int]) -> nn.Sequential:
    """Return a discriminator of images ``[batch, *shape]`` for a generator, one logit each.

    It convolves, 4x4 kernels at every second place, where the generator has transposed convolutions
    and images are large enough; its initial weights are from a seed that `random` draws.
    """
    channels, height, width = shape
    convolves = any(isinstance(layer, nn.ConvTranspose2d) for layer in generator.modules())
    if not convolves or min(height, width) < 2 ** len(_FILTERS):
        return nn.Sequential(nn.Flatten(), *build_discriminator(channels * height * width))
    layers: list[nn.Module] = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(random.getrandbits(63))
        for filters in _FILTERS:
            layers += [nn.Conv2d(channels, filters, 4, 2, padding=1), nn.LeakyReLU(SLOPE)]
            channels, height, width = filters, height // 2, width // 2
        return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * height * width, 1))


def _moments(
    optimiser: torch.optim.Optimizer, parameters: Iterable[nn.Parameter]
) -> list[dict[str, torch.Tensor]]:
    """Return what an optimiser remembers of each parameter: copies on the CPU."""
    held = [optimiser.state.get(parameter, {}) for parameter in parameters]
    return [{name: value.cpu().clone() for name, value in one.items()} for one in held]


def _remember(
    optimiser: torch.optim.Optimizer,
    parameters: Iterable[nn.Parameter],
    moments: Iterable[dict[str, torch.Tensor]],
) -> None:
    """Give an optimiser what `_moments` returned."""
    for parameter, held in zip(parameters, moments, strict=True):
        if held:
            optimiser.state[parameter] = {
                name: value.clone() if name == "step" else value.to(parameter.device, copy=True)
                for name, value in held.items()
            }
