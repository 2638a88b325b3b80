"""The evaluator ``gan``: generators of digits, or of other grey images, against a judge."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, final

from deapnets.errors import OptionError
from deapnets_gan.images import ImageSet, load_images
from deapnets_gan.options import Aggregate, Distance, JudgeOptions
from deapnets_gan.task import GenerativeTask

if TYPE_CHECKING:
    from torch import nn


@final
class Gan(GenerativeTask):
    """Generators of images that evolve against a judge.

    --algorithm plaingan and dcgan are generator and discriminator, both by Adam, the second one on
    "deconv-16"; --algorithm adam is Adam on whatever the judge is.

    Parameters
    ----------
    network
        "eigen-64": fully connected, up to coordinates along the training images' principal
        components; "mlp-64": fully connected up to the pixels; "deconv-16": transposed
        convolutions. Numbers are the sizes of the hidden layers, such as "mlp-128-128".
    latent
        Length of a row of latents.
    dataset
        "mnist" (read from $DEAPNETS_DATA/mnist or the cache, else downloaded) or "digits" (1,797
        real digits of 8x8 pixels that come with scikit-learn: no download).
    data
        A folder with four IDX files under their usual names, .gz or not, instead of "mnist".
    pool
        Size of the images, such as "14x14" or "28x28": they are averaged down to it. By default
        14x14 for larger ones.
    validation
        Part of the training images held out as validation split, in (0, 1).
    judge
        "feature": a distance in the features of a frozen classifier; "discriminator": a network
        that is trained once a generation; "coevolve": a second population; or several:
        "feature+discriminator".
    distance
        "kernel" or "sliced": what a feature judge compares.
    classifiers
        Frozen classifiers of the feature judge: each generation looks through one of them.
    pieced
        Whether these learn to tell images that are pieced together of two real ones, as a class of
        their own; by default where there are 10,000 training images.
    directions
        Random directions along which it compares pixels, and features, drawn every generation.
    balance
        Weight, for a feature judge, of how often each class is made.
    steps
        Steps in which a discriminator is trained for a generation (10), or generations of the
        second population (2).
    opponents
        Discriminators that judge: present and earlier ones.
    aggregate
        "mean" or "worst" of what they say.
    discriminators
        Size of the second population.
    batch_size
        Images that each generator is judged on; the same latents for everybody.
    diversity
        Weight of diversity beside quality.
    vector
        Fitness of two objectives, quality and diversity, instead of their sum.
    """

    presets: ClassVar = {
        "dcgan": {"network": "deconv-16"},
        "egan": {"judge": "discriminator", "steps": 1, "opponents": 1},
        "article": {
            "network": "mlp-64",
            "judge": "discriminator",
            "opponents": 1,
            "diversity": 0.0,
        },
    }
    rivals: ClassVar = ("article", "plaingan", "dcgan", "egan")
    settings: ClassVar = {
        "es": {
            "population": 256,
            "sigma": 0.05,
            "sigma_end": 0.01,
            "step": 0.008,
            "step_end": 0.0005,
            "rank": None,
        },
        "random": {"spread": "ancestor", "sigma": 0.1},
    }

    def __init__(
        self,
        *,
        network: str = "eigen-64",
        latent: int = 32,
        dataset: str = "mnist",
        data: str | None = None,
        pool: str | None = None,
        validation: float = 0.1,
        judge: str = "feature",
        distance: Distance = "kernel",
        classifiers: int = 3,
        pieced: bool | None = None,
        directions: int = 32,
        balance: float = 1.0,
        steps: int | None = None,
        opponents: int = 3,
        aggregate: Aggregate = "mean",
        discriminators: int = 40,
        batch_size: int = 256,
        diversity: float = 1.0,
        vector: bool = False,
    ) -> None:
        super().__init__(
            JudgeOptions(
                judge=judge,
                distance=distance,
                classifiers=classifiers,
                pieced=pieced,
                directions=directions,
                steps=steps,
                opponents=opponents,
                aggregate=aggregate,
                discriminators=discriminators,
                balance=balance,
            ),
            latent=latent,
            batch_size=batch_size,
            diversity=diversity,
            vector=vector,
        )
        if data is not None and dataset == "digits":
            raise OptionError("dataset=digits is bundled; leave out data=, or dataset=digits.")
        if not 0.0 < validation < 1.0:
            raise OptionError(
                f"validation is a part of the training images in (0, 1), got {validation}."
            )
        self._network, self._dataset, self._folder = network, dataset, data
        self._pool, self._validation = pool, validation

    def load(self) -> ImageSet:
        """Return the images, averaged down to the size asked for."""
        from deapnets_mnist.evaluator import parse_size

        pool = None if self._pool is None else parse_size(self._pool)
        return load_images(self._dataset, self._folder, pool, self._validation)

    def module(self) -> nn.Module:
        """Return the generator by its name; initial weights come from torch's global generator."""
        from deapnets_gan.generators import build_generator

        return build_generator(self._network, self.latent, self.images.train)
