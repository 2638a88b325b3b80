"""`JudgeOptions`: which judge, and how it judges, as the command line says it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final, get_args

from deapnets.errors import OptionError, at_least_one, unknown

Distance = Literal["kernel", "sliced"]
Aggregate = Literal["mean", "worst"]

JUDGES = ("feature", "discriminator", "coevolve")


@final
@dataclass(frozen=True)
class JudgeOptions:
    """Which judge, and how it judges.

    Parameters
    ----------
    judge
        ``"feature"``, ``"discriminator"``, ``"coevolve"``, or several with ``+`` between them.
    distance
        Of a feature judge: ``"kernel"`` or ``"sliced"``.
    classifiers
        Of a feature judge: frozen classifiers, of which each generation looks through one.
    pieced
        Whether these also learn to tell images that are pieced together of two real ones from real
        ones; None: where there are 10,000 training images.
    directions
        Of a feature judge: random directions of each view and generation.
    steps
        Steps of training a discriminator, or generations of the second population, for one
        generation of generators; None for 10 and 2.
    opponents
        Discriminators that judge: present and earlier ones.
    aggregate
        ``"mean"`` or ``"worst"`` of what they say.
    discriminators
        Of ``"coevolve"``: size of the second population.
    balance
        Of a feature judge: weight of how often each class is made.
    """

    judge: str = "feature"
    distance: Distance = "kernel"
    classifiers: int = 3
    pieced: bool | None = None
    directions: int = 32
    steps: int | None = None
    opponents: int = 3
    aggregate: Aggregate = "mean"
    discriminators: int = 40
    balance: float = 1.0

    def __post_init__(self) -> None:
        for name in self.judges:
            if name not in JUDGES:
                raise OptionError(unknown("judge", name, JUDGES))
        if len(set(self.judges)) < len(self.judges):
            raise OptionError(f'Each judge once, with + between them; got "{self.judge}".')
        for name, kind in (("distance", Distance), ("aggregate", Aggregate)):
            if getattr(self, name) not in get_args(kind):
                raise OptionError(unknown(name, str(getattr(self, name)), get_args(kind)))
        at_least_one(
            classifiers=self.classifiers,
            directions=self.directions,
            steps=self.steps,
            opponents=self.opponents,
            discriminators=self.discriminators,
        )

    @property
    def judges(self) -> list[str]:
        """Names of the judges."""
        return self.judge.split("+")
