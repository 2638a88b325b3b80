"""`GenerativeTask`: generators of images, scored by a judge; `Generative`: on images at hand."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Callable, Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Any, final

from deapnets.errors import EvaluationError, OptionError, at_least_one
from deapnets.evaluators.base import Evaluator
from deapnets_gan.images import ImageSet
from deapnets_gan.judge import Judge, Studio
from deapnets_gan.options import JudgeOptions

if TYPE_CHECKING:  # what is heavy is imported where it is used: finding the plugin costs nothing
    import torch
    from torch import nn

    from deapnets.genomes.layout import Layout
    from deapnets.genomes.weights import WeightGenome
    from deapnets.metrics.classifiers import ImageClassifier
    from deapnets.metrics.report import ImageReport
    from deapnets.networks.chunk import Networks
    from deapnets.randomness import Stream

_VALIDATED, _MEASURED, _SHOWN = 1000, 5000, 100
"""Images of a generator for a look at the validation split, for the report, and for a picture."""
_ALWAYS = 20_000
"""Seed of the latents of these: the same in every generation and every run."""
_STILL = 1e-4  # spread of pixels below which all images of a generator are one


class GenerativeTask(Evaluator):
    """Generators from latents to images, which a judge compares with real ones; maximised.

    Implement `load` and `module`; the constructor stays cheap. Everyone in a generation meets the
    same judge, the same latents and the same real images. Where the generator takes no gradient
    from anywhere, it is because no algorithm asks for one: `loss_of` is for baselines.

    Parameters
    ----------
    options
        Of the judge.
    latent
        Length of a row of latents, drawn from N(0, 1).
    batch_size
        Images that each generator is judged on: 2 or more, the same latents for everybody.
    diversity
        Weight of the judge's diversity beside its quality, in a fitness of one value.
    vector
        Whether fitness is (quality, diversity), two objectives, instead of their sum.
    """

    fresh = True  # latents and judge are those of one generation
    thread_invariant = True
    differentiable = True

    def __init__(
        self,
        options: JudgeOptions,
        *,
        latent: int = 32,
        batch_size: int = 256,
        diversity: float = 1.0,
        vector: bool = False,
    ) -> None:
        at_least_one(latent=latent)
        if batch_size < 2:
            raise OptionError(
                "batch_size is at least 2: one image says nothing of a distribution; got "
                f"{batch_size}."
            )
        if not 0.0 <= diversity < float("inf"):
            raise OptionError(f"diversity is a weight of at least 0, got {diversity}.")
        self._options = options
        self.latent, self.batch_size = latent, batch_size
        self._diversity, self._vector = diversity, vector
        self._seed = 0
        self._latents: tuple[tuple[int, torch.device], torch.Tensor] | None = None
        self._module: nn.Module | None = None
        self._images: ImageSet | None = None
        self._judge: Judge | None = None
        self._classifiers: list[ImageClassifier] = []
        self._held_out: list[torch.Tensor] = []
        self._warned = False

    @abstractmethod
    def module(self) -> nn.Module:
        """Return a new generator: latents ``[batch, latent]`` to images. Called once."""

    @abstractmethod
    def load(self) -> ImageSet:
        """Return the images. Called once, on first use in the process that uses them."""

    @property
    def weights(self) -> tuple[float, ...]:  # type: ignore[override]  # decided by an option here
        """Directions of the fitness: one value, or quality and diversity, all maximised."""
        return (1.0, 1.0) if self._vector else (1.0,)

    @property
    def images(self) -> ImageSet:
        """The images, loaded on first use."""
        if self._images is None:
            self._images = self.load()
        return self._images

    @property
    def classifiers(self) -> list[ImageClassifier]:
        """The frozen classifiers that judges may look through; the report has another one."""
        if not self._classifiers:
            from deapnets.metrics.classifiers import cached_classifier

            images, labels = self._lessons()
            self._classifiers = [
                cached_classifier(images, labels, "judge", seed=seed)
                for seed in range(self._options.classifiers)
            ]
        return self._classifiers

    def _lessons(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return what the judge's classifiers learn: images, and a class for each."""
        import torch

        from deapnets_gan.pieced import ENOUGH, pieced_images

        images, labels = self.images.train, self.images.train_labels
        wished = self._options.pieced
        if not (len(images) >= ENOUGH if wished is None else wished):
            return images, labels
        pieced = pieced_images(images, _ALWAYS)
        another = torch.full((len(pieced),), int(labels.max()) + 1, dtype=labels.dtype)
        return torch.cat([images, pieced]), torch.cat([labels, another])

    @property
    def judge(self) -> Judge:
        """The judge, made on first use."""
        if self._judge is None:
            from deapnets_gan.judges import make_judge

            self._judge = make_judge(
                self._options,
                self.images.train.flatten(1),
                lambda: self.classifiers,
                self.batch_size,
            )
        return self._judge

    def genome(self) -> nn.Module:
        """Return the generator whose weights are evolved."""
        if self._module is None:
            self._module = self.module()
        return self._module

    def prepare(self, population: Sequence[WeightGenome], generation: int, rng: Stream) -> None:
        """Let the judge get ready, and draw the seed of the generation's latents."""
        self._seed = rng.integer() >> 1  # a generator of torch takes 63 bits
        self.judge.prepare(population, _Studio(self), rng.integer() >> 1)

    def evaluate(self, networks: Networks) -> torch.Tensor:
        """Return ``[n]``, quality plus weighted diversity; or ``[n, 2]``, both."""
        import torch

        self.judge.begin(self._seed, networks.device)
        worth = self.judge.worth(self._flat(networks(self._batch(networks.device))))
        if self._vector:
            return torch.stack([worth.quality, worth.diversity], 1)
        return worth.quality + self._diversity * worth.diversity

    def _batch(self, device: torch.device) -> torch.Tensor:
        """Return the generation's latents ``[batch, latent]``."""
        key = (self._seed, device)
        if self._latents is None or self._latents[0] != key:
            self._latents = key, self.latents(self.batch_size, self._seed).to(device)
        return self._latents[1]

    def latents(self, count: int, seed: int) -> torch.Tensor:
        """Return latents ``[count, latent]`` from N(0, 1); the same seed gives the same ones."""
        import torch

        generator = torch.Generator().manual_seed(seed)
        return torch.randn(count, self.latent, generator=generator)

    def _flat(self, images: torch.Tensor) -> torch.Tensor:
        """Return images of ``n`` generators as ``[n, batch, pixels]``."""
        import torch

        pixels = self.images.train[0].numel()
        if not isinstance(images, torch.Tensor) or images[0, 0].numel() != pixels:
            got = list(images.shape[2:]) if isinstance(images, torch.Tensor) else type(images)
            raise EvaluationError(
                f"The generator makes images of shape {got}, the image set "
                f'"{self.images.name}" has {list(self.images.shape)}, {pixels} pixels. Give a '
                "generator whose outputs have as many."
            )
        return images.flatten(2)

    def conclude(
        self, population: Sequence[WeightGenome], scores: Sequence[tuple[float, ...]]
    ) -> None:
        """Show the judge the generation's best, by its first objective."""
        if population:
            best = max(range(len(population)), key=lambda index: scores[index][0])
            self.judge.conclude(population[best])

    def loss_of(self, network: Callable[..., torch.Tensor], device: torch.device) -> torch.Tensor:
        """Return the judge's loss of one generator, to be differentiated by a baseline."""
        self.judge.begin(self._seed, device)
        images = self._flat(network(self._batch(device))[None])
        return self.judge.loss(images, self._diversity)[0]

    def logits_of(self, network: Callable[..., torch.Tensor], device: torch.device) -> torch.Tensor:
        """Return what the discriminator says of one generator's images ``[batch]``.

        Raises
        ------
        EvaluationError
            When the judge is no discriminator.
        """
        from deapnets_gan.discriminator import DiscriminatorJudge

        if not isinstance(self.judge, DiscriminatorJudge):
            raise EvaluationError(f"{self.title} has no discriminator: -o judge=discriminator.")
        self.judge.begin(self._seed, device)
        return self.judge.logits(self._flat(network(self._batch(device))[None]))[0]

    def validate(self, networks: Networks) -> dict[str, torch.Tensor]:
        """Return the Frechet distance ``[n]`` to the validation split, and minus it as fitness.

        In the features of the judge's classifiers, their mean: the report's has no say in which one
        is saved.
        """
        import torch

        images = self._flat(networks(self.latents(_VALIDATED, _ALWAYS).to(networks.device))).cpu()
        if not self._held_out:
            held_out = self.images.validation
            self._held_out = [one.features(held_out) for one in self.classifiers]
        distances = torch.tensor([self._distance(own) for own in images], dtype=torch.float64)
        self._tell_of_stillness(images)
        return {"fitness": -distances, "validation_frechet_distance": distances}

    def _distance(self, images: torch.Tensor) -> float:
        import torch

        from deapnets.metrics.frechet import frechet_distance

        if not torch.isfinite(images).all():
            return float("nan")
        made = images.unflatten(1, self.images.shape)
        pairs = zip(self.classifiers, self._held_out, strict=True)
        return fmean(frechet_distance(real, one.features(made)) for one, real in pairs)

    def _tell_of_stillness(self, images: torch.Tensor) -> None:
        """Say, once, that generators make the same image of all latents."""
        if not self._warned and bool((images.std(1).amax(1) < _STILL).all()):
            self._warned = True
            warnings.warn(
                "The best generators make one image whatever the latents are. Start nearer to the "
                "network's own initial weights (-a spread=0.05), or give diversity more weight "
                "(-o diversity=2).",
                stacklevel=2,
            )

    def measure(self, individual: WeightGenome) -> dict[str, float]:
        """Return the report's figures of 5,000 images, beside the Frechet distances of references.

        The report's classifier and the test images are opened here alone.
        """
        from deapnets.metrics.report import REFERENCES

        report = self.report()
        found = report.measure(self.made_by(individual, _MEASURED))
        for name in REFERENCES:
            references = report.measure(report.reference(name))
            found[f"frechet_distance_{name}"] = references["frechet_distance"]
        return {**found, **self.judge.figures(_Studio(self))}

    def matrix(self, individual: WeightGenome) -> dict[str, Any] | None:
        """Return who fools whom, of a judge that has discriminators; or None."""
        return self.judge.matrix(_Studio(self))

    def report(self) -> ImageReport:
        """Return the report on this image set; its classifier is trained or read on this call."""
        from deapnets.metrics.report import ImageReport

        images = self.images
        return ImageReport(images.train, images.train_labels, images.test, images.test_labels)

    def made_by(self, individual: WeightGenome, count: int, seed: int = _ALWAYS) -> torch.Tensor:
        """Return images ``[count, channels, height, width]`` of one generator."""
        made = self._flat(self.networks(individual)(self.latents(count, seed)))[0]
        return made.unflatten(1, self.images.shape)

    def generated(self, latents: torch.Tensor) -> torch.Tensor:
        """Return images ``[n, channels, height, width]`` of the module's own present weights."""
        import torch

        with torch.no_grad():
            images = self.genome()(latents)
        return self._flat(images[None])[0].unflatten(1, self.images.shape)

    def examples(self, count: int) -> torch.Tensor:
        """Return the latents ``[count, latent]`` that pictures are made of."""
        return self.latents(count, _ALWAYS)

    def draw(self, individual: WeightGenome) -> bytes:
        """Return a picture of a hundred images, a PNG: the same latents every time."""
        from deapnets_gan.grids import png_of

        return png_of(self.made_by(individual, _SHOWN))

    def state_dict(self) -> dict[str, Any]:
        """Return the seed of the generation, and what the judge has become."""
        return {"seed": self._seed, "judge": self.judge.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a state that `state_dict` returned."""
        self._seed = state["seed"]
        self.judge.load_state_dict(state["judge"])


@final
class _Studio(Studio):
    """The images of a task."""

    def __init__(self, task: GenerativeTask) -> None:
        self._task = task

    def layout(self) -> Layout:
        """Return the layout of the generators' weights."""
        return self._task.layout()

    def real(self, count: int, generator: torch.Generator) -> torch.Tensor:
        """Return training images drawn at random: ``[count, pixels]``."""
        import torch

        train = self._task.images.train
        return train[torch.randint(len(train), (count,), generator=generator)].flatten(1)

    def made(
        self, makers: Sequence[WeightGenome], count: int, generator: torch.Generator
    ) -> torch.Tensor:
        """Return ``count`` images by the makers in turn, of new latents: ``[count, pixels]``."""
        import torch

        task = self._task
        each = -(-count // len(makers))
        latents = torch.randn(each, task.latent, generator=generator)
        images = task.networks(*makers)(latents).flatten(2)
        return images.transpose(0, 1).flatten(0, 1)[:count]


@final
class Generative(GenerativeTask):
    """Generators judged on images at hand: for a module and a script of your own.

    Parameters
    ----------
    net
        The generator whose weights are evolved: latents ``[batch, latent]`` to images.
    images
        The image set.
    options
        Of the judge; the default is distances in frozen features.
    latent, batch_size, diversity, vector
        As in `GenerativeTask`.
    """

    def __init__(
        self,
        net: nn.Module,
        images: ImageSet,
        options: JudgeOptions | None = None,
        **keywords: Any,
    ) -> None:
        super().__init__(options or JudgeOptions(), **keywords)
        self._net, self._given = net, images

    def module(self) -> nn.Module:
        """Return the generator that was given."""
        return self._net

    def load(self) -> ImageSet:
        """Return the images that were given."""
        return self._given
