"""`Supervised`: networks scored on inputs and targets; `SupervisedTask`: the base for plugins."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, final

from deapnets.errors import OptionError, at_least_one, unknown
from deapnets.evaluators import losses
from deapnets.evaluators.base import Evaluator
from deapnets.evaluators.batches import MiniBatches
from deapnets.evaluators.constants import constant
from deapnets.evaluators.judging import Judge
from deapnets.evaluators.mistakes import find_mistakes
from deapnets.evaluators.slicing import are_apart, networks_at_once, outputs_of
from deapnets.evaluators.splits import Split, Splits

if TYPE_CHECKING:  # a plugin's class derives from this one: importing it loads nothing heavy
    import torch
    from torch import nn

    from deapnets.evaluators.readout import RidgeReadout
    from deapnets.evaluators.splits import Array
    from deapnets.genomes.weights import WeightGenome
    from deapnets.networks.chunk import Networks
    from deapnets.randomness import Stream

Fitness = Literal["loss", "accuracy"]
ReadoutName = Literal["evolved", "ridge"]

_LOOK = 10_000
"""Training rows that a closed-form readout is fitted to for a look at the validation split."""


class SupervisedTask(Evaluator):
    """An evaluator of inputs and targets that are loaded on first use: the base for plugins.

    Implement `module` and `load`; the constructor stays cheap. What is returned is maximised: minus
    the mean loss, or the accuracy. Without ``batch_size`` every evaluation sees all training rows;
    with it, a generation shares one mini-batch, scores are comparable within a generation only
    (``fresh``), and an epoch visits every row once, but for a rest that fills no mini-batch.

    Parameters
    ----------
    loss
        ``"cross_entropy"``, ``"mse"``, ``"l1"``, ``"bce_with_logits"``, or a torch loss of one
        network: a callable of (outputs ``[rows, ...]``, targets) of all rows that returns a number.
    fitness
        ``"loss"``: minus the loss. ``"accuracy"``: the fraction of rows that are right.
    batch_size
        Rows of a generation's mini-batch; None for all.
    readout
        ``"evolved"``: the module's outputs are scores. ``"ridge"``: they are features, and a last
        layer on them is solved by ridge regression in every evaluation; each row is scored by the
        layer of all other rows. It needs ``loss="cross_entropy"``.
    penalty
        Ridge penalty of that layer, as a part of the mean square of the features.
    """

    def __init__(
        self,
        *,
        loss: str | Callable[[torch.Tensor, torch.Tensor], Any] = "cross_entropy",
        fitness: Fitness = "loss",
        batch_size: int | None = None,
        readout: ReadoutName = "evolved",
        penalty: float = 1e-4,
    ) -> None:
        if readout not in ("evolved", "ridge"):
            raise OptionError(unknown("readout", str(readout), ("evolved", "ridge")))
        if readout == "ridge" and loss != "cross_entropy":
            raise OptionError(
                'readout="ridge" fits classes: it needs loss="cross_entropy", the default.'
            )
        if fitness not in ("loss", "accuracy"):
            raise OptionError(unknown("fitness", str(fitness), ("loss", "accuracy")))
        at_least_one(batch_size=batch_size)
        self._judge = Judge(loss, fitness)
        self._fitness = fitness
        self._batch_size = batch_size
        self._solves, self._penalty = readout == "ridge", penalty
        self._ridge: RidgeReadout | None = None
        self._module: nn.Module | None = None
        self._splits: Splits | None = None
        self._there: dict[tuple[str, torch.device], Split] = {}
        self._batches = MiniBatches(batch_size or 0)
        self._apart: bool | None = None  # whether rows may be cut, once it was tried

    @abstractmethod
    def module(self) -> nn.Module:
        """Return a new module, the ancestor of the population: called once."""

    @abstractmethod
    def load(self) -> Splits:
        """Return the data: called once, on first use in the process that uses it."""

    @property
    def fresh(self) -> bool:  # type: ignore[override]  # decided by an option here
        """Whether scores hold within one generation only: with a mini-batch they do."""
        return self._batch_size is not None and self._batch_size < len(self.splits.train)

    @property
    def thread_invariant(self) -> bool:  # type: ignore[override]  # decided by an option here
        """Whether the bits of a loss do not depend on threads: those of the named ones do not."""
        return self._judge.named and not self._solves

    @property
    def classifies(self) -> bool:  # type: ignore[override]  # decided by an option here
        """Whether outputs are scores of classes: under cross-entropy they are."""
        return self._judge.loss is losses.cross_entropy

    @property
    def differentiable(self) -> bool:  # type: ignore[override]  # decided by an option here
        """Whether a loss can be differentiated: all can, but that of a readout that is solved."""
        return not self._solves

    @property
    def splits(self) -> Splits:
        """The data, loaded on first use."""
        if self._splits is None:
            self._splits = self.load()
        return self._splits

    def genome(self) -> nn.Module:
        """Return the module whose weights are evolved."""
        if self._module is None:
            self._module = self.module()
        return self._module

    def prepare(self, population: Sequence[WeightGenome], generation: int, rng: Stream) -> None:
        """Draw the generation's mini-batch: the next rows of a random order of all rows."""
        if self.fresh:
            self._batches.advance(self.splits.train, rng)

    def state_dict(self) -> dict[str, Any]:
        """Return where the present epoch stands, and with it the mini-batch."""
        return self._batches.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on in the epoch of ``state``, with its mini-batch."""
        self._batches.load_state_dict(state)

    def evaluate(self, networks: Networks) -> torch.Tensor:
        """Return ``[n]``: minus the loss, or the accuracy, on the mini-batch or all rows."""
        split = self._rows(networks.device)
        loss, correct = self._score(networks, split, only=self._fitness)
        return -loss if self._fitness == "loss" else correct

    def _rows(self, device: torch.device) -> Split:
        """Return the rows of the generation: its mini-batch, or all of them."""
        if self.fresh:
            return self._batches.of(self.splits.train, self.title).to(device)
        return self._on("train", device)

    def loss_of(self, network: Callable[..., torch.Tensor], device: torch.device) -> torch.Tensor:
        """Return the loss of one network on the rows of the generation, to be differentiated."""
        split = self._rows(device)
        outputs = network(*split.arguments)
        losses.require_tensor(outputs, "loss_of")
        return self._judge.loss(outputs[None], split.targets)[0]

    def baseline(self) -> dict[str, float]:
        """Return loss and accuracy of the constant answer that suits the training rows best.

        On the test split, else the validation split, else the training rows. Empty for a loss that
        is no named one, or whose targets have no constant answer.
        """
        name = next(n for n in ("test", "validation", "train") if getattr(self.splits, n))
        split, answer = (
            getattr(self.splits, name),
            constant(self._judge.loss, self.splits.train.targets),
        )
        if answer is None:
            return {}
        outputs = answer.expand(1, len(split), *answer.shape)
        loss, correct = self._judge.judge(outputs, 1, split, self.splits)
        found = {f"{name}_loss": float(loss)}
        if self._judge.counts:
            found[f"{name}_accuracy"] = float(correct / split.targets.numel())
        return found

    def validate(self, networks: Networks) -> dict[str, torch.Tensor]:
        """Return ``fitness``, ``validation_loss`` and ``validation_accuracy``, each ``[n]``."""
        if self.splits.validation is None:
            return {}
        figures = self._figures(networks, "validation", _LOOK)
        by_loss = self._fitness == "loss"
        fitness = -figures["validation_loss"] if by_loss else figures["validation_accuracy"]
        return {"fitness": fitness, **figures}

    def measure(self, individual: WeightGenome) -> dict[str, float]:
        """Return loss and accuracy on the validation and the test split, accuracy in [0, 1].

        Where a readout is solved, those of the module as it came stand beside them, under
        ``initial_``: what its features were worth before they were evolved.
        """
        found = self._measure(individual)
        if not self._solves:
            return found
        from deapnets.genomes.nodes import Node

        layout = individual.layout
        start = individual.with_node(Node(layout, layout.flatten(self.genome())))
        return found | {f"initial_{name}": value for name, value in self._measure(start).items()}

    def mistakes(self, individual: WeightGenome) -> dict[str, Any] | None:
        """Return the confusion matrix and the worst mistakes on the test split, or another one."""
        if not self.classifies:
            return None
        name = next(n for n in ("test", "validation", "train") if getattr(self.splits, n))
        split = getattr(self.splits, name)
        (part, *more) = self._parts(self.networks(individual), split)
        rows = len(split) if not more else len(part)
        return find_mistakes(self.complete(individual).eval(), split, name, rows)

    def _measure(self, individual: WeightGenome) -> dict[str, float]:
        networks = self.networks(individual)
        names = [n for n in ("validation", "test") if getattr(self.splits, n) is not None]
        figures = [self._figures(networks, name) for name in names or ["train"]]
        return {name: float(value[0]) for lot in figures for name, value in lot.items()}

    def complete(self, individual: WeightGenome) -> nn.Module:
        """Return a network of its own with the individual's weights: inputs to scores.

        With a closed-form readout, that layer is fitted to all training rows and stands behind the
        module.
        """
        import torch
        from torch import nn

        from deapnets.evaluators.readout import SCALE

        module = individual.module(self.genome())
        if not self._solves:
            return module
        networks = self.networks(individual)
        (layer,) = self._readout().solve(networks, self._on("train", networks.device))
        linear = nn.Linear(len(layer) - 1, layer.shape[1])
        with torch.no_grad():
            linear.weight.copy_(SCALE * layer[:-1].T)
            linear.bias.copy_(SCALE * layer[-1])
        return nn.Sequential(module, nn.Flatten(), linear)

    def examples(self, count: int) -> torch.Tensor | tuple[torch.Tensor, ...]:
        """Return the first inputs ``[count, ...]`` of the test split, or of what there is."""
        splits = self.splits
        first = (splits.test or splits.validation or splits.train).first(count)
        return first.arguments if first.more else first.inputs

    def _readout(self) -> RidgeReadout:
        if self._ridge is None:
            from deapnets.evaluators.readout import RidgeReadout, classes_of

            classes = classes_of(self.splits.train.targets)
            self._ridge = RidgeReadout(classes, self._penalty, self._parts)
        return self._ridge

    def _figures(
        self, networks: Networks, name: str, rows: int | None = None
    ) -> dict[str, torch.Tensor]:
        """Return loss and accuracy on a split; a readout is fitted to the first training rows."""
        fitted_to = self._on("train", networks.device).first(rows) if self._solves else None
        loss, correct = self._score(networks, self._on(name, networks.device), fitted_to=fitted_to)
        figures = {f"{name}_loss": loss}
        if self._judge.counts:
            figures[f"{name}_accuracy"] = correct
        return figures

    def _score(
        self, networks: Networks, split: Split, only: str = "", fitted_to: Split | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return mean loss and accuracy ``[n], [n]``; the one not asked for stays zero."""
        import torch

        if self._solves:
            ridge = self._readout()
            lots = (
                ridge.left_out(networks, split)
                if fitted_to is None
                else ridge.scores(networks, split, fitted_to)
            )
            pairs = [self._judge.judge(scores, 1, split, self.splits, only) for scores in lots]
        else:
            parts = list(self._parts(networks, split))
            joined = self._judge.joins(only)
            whole = split.is_cut() and (joined or len(parts) == 1)
            some = networks.lots(networks_at_once(len(split))) if whole else [networks]
            pairs = [self._pass(lot, split, parts, joined, only) for lot in some]
        loss, correct = pairs[0] if len(pairs) == 1 else map(torch.cat, zip(*pairs, strict=True))
        # One division: slices change no bit of an accuracy.
        return loss, correct / split.targets.numel()

    def _pass(
        self, networks: Networks, split: Split, parts: list[Split], joined: bool, only: str
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return mean loss and hits ``[n], [n]`` of the rows, part by part or ``joined``."""
        import torch

        loss = torch.zeros(len(networks), dtype=torch.float64, device=networks.device)
        correct = torch.zeros_like(loss)
        for outputs, part in outputs_of(networks, split, parts, joined):
            part_loss, part_correct = self._judge.judge(
                outputs, len(networks), part, self.splits, only
            )
            loss += part_loss * (len(part) / len(split))
            correct += part_correct
        return loss, correct

    def _parts(self, networks: Networks, split: Split, most: int | None = None) -> Iterator[Split]:
        """Yield the rows that go through networks at once: slices, or all where they are coupled.

        Whether they are is tried once, before the first cut.
        """
        if not split.is_cut(most) or networks.keeps_rows_apart:
            return split.slices(most)
        if self._apart is None:
            self._apart = are_apart(self.genome(), self.splits.train, networks.device)
        return split.slices(most if self._apart else len(split))

    def _on(self, name: str, device: torch.device) -> Split:
        key = (name, device)
        if key not in self._there:
            self._there[key] = getattr(self.splits, name).to(device)
        return self._there[key]


@final
class Supervised(SupervisedTask):
    """Networks scored on tensors or arrays at hand.

    Parameters
    ----------
    net
        The module whose weights are evolved.
    inputs, targets
        Training rows: ``[rows, ...]`` each; for ``cross_entropy`` the targets are classes. A module
        that takes several inputs gets them from a tuple of as many tensors or arrays.
    loss, fitness, batch_size, readout, penalty
        As in `SupervisedTask`.
    validation
        A part of the training rows in (0, 1), taken from their end, or ``(inputs, targets)``.
    test
        ``(inputs, targets)``, opened by `measure` alone.

    Examples
    --------
    >>> import torch
    >>> import deapnets as dn
    >>> net = torch.nn.Linear(1, 1, bias=False)
    >>> inputs = torch.tensor([[1.0], [2.0]])
    >>> double = dn.Supervised(net, inputs, 2 * inputs, loss="mse")
    >>> individual = dn.initWeights(dn.WeightGenome, net, sigma=0.0)
    >>> individual.weights = [1.0]
    >>> double(individual)  # minus the mean of 1 and 4
    (-2.5,)
    """

    def __init__(
        self,
        net: nn.Module,
        inputs: Array | tuple[Array, ...],
        targets: Array,
        *,
        loss: str | Callable[[torch.Tensor, torch.Tensor], Any] = "cross_entropy",
        fitness: Fitness = "loss",
        batch_size: int | None = None,
        readout: ReadoutName = "evolved",
        penalty: float = 1e-4,
        validation: float | tuple[Array | tuple[Array, ...], Array] | None = None,
        test: tuple[Array | tuple[Array, ...], Array] | None = None,
    ) -> None:
        super().__init__(
            loss=loss, fitness=fitness, batch_size=batch_size, readout=readout, penalty=penalty
        )
        from deapnets.genomes.parts import require_copies

        require_copies(net)
        self._net = net
        held = None if test is None else Split.of(*test, "test")
        data = Splits(Split.of(inputs, targets, "training"), None, held)
        if isinstance(validation, tuple):
            data = Splits(data.train, Split.of(*validation, "validation"), held)
        elif validation is not None:
            data = data.hold_out(validation)
        self._data = data

    def module(self) -> nn.Module:
        """Return the module that was given."""
        return self._net

    def load(self) -> Splits:
        """Return the splits that were given."""
        return self._data
