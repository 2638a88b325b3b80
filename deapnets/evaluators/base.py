"""`Evaluator`: the contract between deapnets and whatever gives a network its fitness."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from deapnets.errors import DataError, EvaluationError

if TYPE_CHECKING:  # a plugin's class derives from this one: importing it loads nothing heavy
    import numpy as np
    import torch
    from torch import nn

    from deapnets.genomes.layout import Layout
    from deapnets.genomes.parts import Patterns
    from deapnets.genomes.weights import WeightGenome
    from deapnets.networks.chunk import Networks
    from deapnets.randomness import Stream


class Evaluator(ABC):
    """Fitness of networks, a chunk at a time; what happens once a generation; what is held out.

    A plugin's evaluator has a cheap constructor with keyword options and opens data and devices on
    first use. Register an instance: ``toolbox.register("evaluate", evaluator)``; with
    `deapnets.PopulationMap` as the toolbox's map whole populations are evaluated at once.
    """

    weights: ClassVar[tuple[float, ...]] = (1.0,)
    """Direction of each objective that `evaluate` returns: 1.0 maximised, -1.0 minimised."""

    fresh: bool = False
    """True when scores can be compared within one generation only."""

    thread_invariant: bool = False
    """True when `evaluate` gives the same bits with any number of threads: the map chooses it."""

    classifies: bool = False
    """True when the outputs ``[batch, classes]`` of a network are scores of classes."""

    differentiable: bool = False
    """True when `loss_of` gives a loss to differentiate: back-propagation is a baseline then."""

    settings: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """What an algorithm's options are on this task unless they are given: ``{"ga": {...}}``."""

    parameters: Patterns = None
    """Which of the module's parameters a run evolves: ``"head.*"``, or several; None for all."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """What its own options are under an algorithm unless they are given: ``{"es": {...}}``."""

    rivals: ClassVar[tuple[str, ...]] = ()
    """Algorithms that a comparison runs beside those it is asked for, each with its `presets`."""

    @property
    def title(self) -> str:
        """What messages call it: ``Evaluator "Xor"``."""
        return f'Evaluator "{type(self).__name__}"'

    @abstractmethod
    def genome(self) -> nn.Module:
        """Return the module whose weights are evolved: always the same object."""

    def layout(self) -> Layout:
        """Return the layout of the parameters that a run evolves."""
        from deapnets.genomes.layout import Layout

        return Layout.of(self.genome(), self.parameters)

    def prepare(self, population: Sequence[WeightGenome], generation: int, rng: Stream) -> None:
        """Get ready for a generation, once, in the parent process: draw its mini-batch, say.

        ``rng`` is seeded by the run and the generation's number: the same whatever came before.
        """

    @abstractmethod
    def evaluate(self, networks: Networks) -> Any:
        """Return the fitness of the networks, ``[n]`` or ``[n, objectives]``, finite."""

    def conclude(
        self, population: Sequence[WeightGenome], scores: Sequence[tuple[float, ...]]
    ) -> None:
        """Take note of a generation's scores, once, in the parent process: an archive, say."""

    def validate(self, networks: Networks) -> dict[str, torch.Tensor]:
        """Return figures ``[n]`` on the validation split, ``"fitness"`` among them.

        ``"fitness"`` has the direction of the first objective. It decides which network a run
        saves; nothing that breeds uses it. By default empty: there is no validation split.
        """
        return {}

    def measure(self, individual: WeightGenome) -> dict[str, float]:
        """Return held-out figures of one individual for the report; never fitness."""
        return {}

    def find_data(self) -> str:
        """Return where its data are, without opening them; ``""`` where it needs none.

        Raises
        ------
        DataError
            When they are not there; the message says what to do.
        """
        return ""

    def complete(self, individual: WeightGenome) -> nn.Module:
        """Return a network of its own with the individual's weights, for use outside."""
        return individual.module(self.genome())

    def examples(self, count: int) -> torch.Tensor | tuple[torch.Tensor, ...] | None:
        """Return real inputs ``[count, ...]`` of the network, held-out ones first; None for none.

        A tuple for a network that takes several. What is exported is compared with the original on
        them.
        """
        return None

    def preprocess(self, values: np.ndarray) -> tuple[torch.Tensor, list[str]]:
        """Return inputs of the network ``[n, ...]`` for what a user has, and what was done.

        ``values`` are raw: ``uint8`` images ``[n, height, width]`` or ``[n, height, width, 3]``,
        or whatever an array file holds. By default only inputs as they are will do.

        Raises
        ------
        DataError
            When no inputs can be made of them; the message says what is expected.
        """
        return as_they_are(self, values)

    def mistakes(self, individual: WeightGenome) -> dict[str, Any] | None:
        """Return which classes it takes for which on held-out rows, as JSON values; or None.

        As `deapnets.evaluators.mistakes.find_mistakes` does: for the report of a run that finished.
        """
        return None

    def matrix(self, individual: WeightGenome) -> dict[str, Any] | None:
        """Return a matrix for the report of a run that finished, as JSON values; or None.

        ``title``, ``note`` (what one sees in it), ``row`` and ``column`` (what they are),
        ``rows`` and ``columns`` (a name or number each), ``values``: a list of numbers a row.
        """
        return None

    def draw(self, individual: WeightGenome) -> bytes | None:
        """Return a picture of what an individual does, a PNG; None where there is nothing to see.

        A run draws its best network now and then, so that one sees it learn.
        """
        return None

    def loss_of(self, network: Callable[..., torch.Tensor], device: torch.device) -> torch.Tensor:
        """Return the loss of one network on the rows of the generation, to be differentiated.

        For the baseline ``adam``, not for evolution. ``network`` maps inputs ``[batch, ...]`` on
        ``device`` to outputs.
        """
        raise EvaluationError(f"{self.title} has no loss to differentiate: define loss_of.")

    def baseline(self) -> dict[str, float]:
        """Return held-out figures of the trivial answer, under the names that `measure` uses.

        What is reached without looking at the inputs. By default empty: nobody knows.
        """
        return {}

    def state_dict(self) -> dict[str, Any]:
        """Return what `prepare` and `conclude` change: plain values in dicts, lists, tensors."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a state that `state_dict` returned."""

    def networks(self, *individuals: WeightGenome, device: str = "cpu") -> Networks:
        """Return a few individuals as `Networks`, for one-off uses such as `measure`.

        Raises
        ------
        EvaluationError
            When one is no `WeightGenome`.
        LayoutError
            When one belongs to another module, or has other parameters than the first.
        """
        import torch

        from deapnets.genomes.making import aligned_rows, make
        from deapnets.networks.chunk import Networks
        from deapnets.networks.paths import choose_path

        require_genomes(self, individuals)
        module, layout = self.genome(), individuals[0].layout
        layout.require_in(module)
        for individual in individuals:
            layout.require(individual.layout, "Individuals of different parameters")
        rows = aligned_rows(len(individuals), layout.width, torch.device(device))
        make([individual.node for individual in individuals], rows)
        return Networks(choose_path(module, layout, rows.device), layout, rows)

    def __call__(self, individual: WeightGenome, **keywords: Any) -> tuple[float, ...]:
        """Return one individual's fitness as DEAP has it: a tuple of floats.

        Its own fitness may be another: this is a figure of it as well.

        Raises
        ------
        EvaluationError
            When it is no `WeightGenome`.
        LayoutError
            When it belongs to another module.
        """
        from deapnets.networks.chunk import attach

        networks = self.networks(individual)
        values = score(self, networks, keywords)
        attach(networks.records, [individual])
        return tuple(values[0].tolist())


def score(evaluator: Evaluator, networks: Networks, keywords: Mapping[str, Any]) -> torch.Tensor:
    """Return the fitness of a chunk, float64 ``[n, objectives]`` on the CPU.

    ``keywords`` go to `Evaluator.evaluate`. What it records stays in ``networks.records``.

    Raises
    ------
    EvaluationError
        When the evaluator returns anything but a number for each individual and objective.
    """
    import torch

    returned = evaluator.evaluate(networks, **keywords)
    wanted = (len(networks), len(evaluator.weights))
    try:
        if "complex" in str(getattr(returned, "dtype", "")):  # torch would drop a part, and go on
            raise TypeError("complex numbers have no order, take their real part or size")
        scores = torch.as_tensor(returned, dtype=torch.float64).detach().cpu()
    except (TypeError, ValueError, RuntimeError) as error:
        raise EvaluationError(
            f"{evaluator.title} returned {type(returned).__name__} that is no tensor of numbers: "
            f"{error}. Expected fitness of shape {list(wanted)}."
        ) from error
    shape = tuple(scores.shape)
    if wanted not in (shape, (*shape, 1)):
        raise EvaluationError(
            f"{evaluator.title} returned fitness of shape {list(scores.shape)} for {wanted[0]} "
            f"networks and {wanted[1]} objective(s); expected {list(wanted)}."
        )
    return scores.reshape(wanted)


def as_they_are(evaluator: Evaluator, values: np.ndarray) -> tuple[torch.Tensor, list[str]]:
    """Return arrays of the shape that the network's inputs have, as float32.

    Raises
    ------
    DataError
        When they have another shape, or nobody knows what inputs look like.
    """
    import torch

    example = evaluator.examples(1)
    if example is None:
        raise DataError(f"{evaluator.title} does not say what inputs are: define examples.")
    if isinstance(example, tuple):
        raise DataError(
            f"The network of {evaluator.title} takes {len(example)} inputs, an array is one: "
            "define preprocess, or use the network that deapnets export writes."
        )
    shape = list(example.shape[1:])
    if list(values.shape[1:]) != shape:
        raise DataError(
            f"{evaluator.title} takes arrays [n, {', '.join(map(str, shape))}], got "
            f"{list(values.shape)}. To take something else, define preprocess."
        )
    return torch.as_tensor(values).float(), ["none: the values are taken as they are"]


def signs(weights: Sequence[float]) -> tuple[float, ...]:
    """Return the directions of objectives: 1.0 maximised, -1.0 minimised."""
    return tuple(1.0 if weight > 0 else -1.0 for weight in weights)


def require_genomes(evaluator: Evaluator, individuals: Iterable[Any]) -> None:
    """Raise an `EvaluationError` when an individual is no `WeightGenome`."""
    from deapnets.genomes.weights import WeightGenome

    for individual in {type(one): one for one in individuals}.values():
        if not isinstance(individual, WeightGenome):
            raise EvaluationError(
                f"{evaluator.title} evaluates WeightGenome individuals, got "
                f"{type(individual).__name__}. See: deapnets.initWeights."
            )
