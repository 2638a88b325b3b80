"""The evaluator ``cifar``: architectures that are trained, on CIFAR-10 or on bundled digits."""

from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast, final

import deapnets as dn
from deapnets.errors import OptionError, unknown
from deapnets.evaluators.architectures import ArchitectureEvaluator, Outcome

if TYPE_CHECKING:
    import torch
    from torch import nn

    from deapnets_cifar.datasets import Dataset

SPACES = ("graph", "cell", "nb201")
DATASETS = ("cifar10", "digits")

_KEPT = 200  # networks whose weights may be inherited
_MEASURED = 0  # seed of the training that a report measures


@final
class Cifar(ArchitectureEvaluator):
    """Image classifiers, trained from scratch or from their parents' weights.

    Fitness is the accuracy on images that were held out from training; the test images are seen in
    the result alone. A network that is too large, or that diverges, has the worst fitness and says
    why.

    Parameters
    ----------
    space
        "graph": graphs that grow from a linear classifier, with a learning rate of their own;
        "cell": normal and reduction cells of NASNet; "nb201": cells of NAS-Bench-201.
    dataset
        "cifar10" (read from $DEAPNETS_DATA/cifar10 or the cache, else downloaded) or "digits"
        (1,797 digits of 8x8 pixels that come with scikit-learn).
    data
        A folder with CIFAR-10's files (the binary version), instead; nothing is downloaded then.
    epochs
        Epochs of a full training; a quarter of them is the low fidelity.
    rate
        Largest learning rate of cells; graphs have their own.
    stack, width
        Cells in a stage, and channels of the first one.
    ema
        Part of a training, in [0, 1], over which weights are averaged; 0 for the last ones alone.
    inherit
        Whether a graph begins with the weights of the layers that it shares with its parent.
    device
        "auto" (CUDA where there is one), "cpu" or "cuda".
    """

    settings: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "aging": {"population": 30, "tournsize": 8},
        "nonaging": {"population": 30, "tournsize": 8},
        "pairs": {"population": 30},
    }

    def __init__(
        self,
        *,
        space: Literal["graph", "cell", "nb201"] = "graph",
        dataset: Literal["cifar10", "digits"] = "cifar10",
        data: Path | None = None,
        epochs: int = 10,
        rate: float = 0.1,
        stack: int = 1,
        width: int = 16,
        ema: float = 0.0,
        inherit: bool = True,
        device: str = "auto",
    ) -> None:
        for name, value, valid in (("space", space, SPACES), ("dataset", dataset, DATASETS)):
            if value not in valid:
                raise OptionError(unknown(name, str(value), valid))
        if epochs < 1 or not rate > 0.0:
            raise OptionError(f"epochs is at least 1, rate above 0; got {epochs} and {rate}.")
        if not 0.0 <= ema <= 1.0:
            raise OptionError(f"ema is a part of a training in [0, 1], got {ema}.")
        if dataset == "digits" and data is not None:
            raise OptionError("dataset=digits is bundled; leave out data=, or dataset=digits.")
        self._kind, self._dataset, self._folder = space, dataset, data
        self._epochs, self._rate = epochs, rate
        self._stack, self._width, self._ema = stack, width, ema
        self._inherits, self._device = inherit and space == "graph", device
        self._trained: OrderedDict[str, tuple[str, nn.Module]] = OrderedDict()
        self._seen: dict[str, float] = {}  # epochs behind the weights of each
        self._measured: tuple[str, nn.Module | None] = ("", None)

    @property
    def fidelities(self) -> tuple[float, ...]:  # type: ignore[override]  # decided by an option here
        """Epochs of a short and of a full training."""
        return (self._epochs / 4, float(self._epochs))

    @functools.cached_property
    def images(self) -> Dataset:
        """The images, loaded on first use."""
        from deapnets_cifar.datasets import load_cifar10, load_digits

        return load_digits() if self._dataset == "digits" else load_cifar10(self._folder)

    @functools.cached_property
    def _space(self) -> dn.SearchSpace:
        if self._kind == "graph":
            return dn.GraphSpace((1, 8, 8) if self._dataset == "digits" else (3, 32, 32))
        if self._kind == "cell":
            return dn.CellSpace("cell", combinations=3, stack=self._stack, width=self._width)
        from deapnets.architectures.operations import NASBENCH201_OPERATIONS

        return dn.CellSpace(
            "nb201",
            operations=NASBENCH201_OPERATIONS,
            wiring="complete",
            combinations=3,
            stack=self._stack,
            width=self._width,
        )

    def space(self) -> dn.SearchSpace:
        """Return the space that is searched."""
        return self._space

    def find_data(self) -> str:
        """Return the folder of the images."""
        from deapnets_cifar.datasets import find_cifar10

        if self._dataset == "digits":
            return "comes with scikit-learn"
        return find_cifar10(self._folder)

    def open(self) -> None:
        """Load the images: what is wrong with them is said before a run begins."""
        _ = self.images

    def __getstate__(self) -> dict[str, Any]:
        """Leave out images and weights: another process loads and trains itself."""
        own = {name: value for name, value in vars(self).items() if name != "images"}
        return {**own, "_trained": OrderedDict(), "_seen": {}, "_measured": ("", None)}

    def evaluate_one(self, individual: Any, fidelity: float, rng: dn.Stream) -> Outcome:
        """Train the network; return its accuracy on held-out images, in [0, 1]."""
        import time

        began = time.perf_counter()
        net, before = self._train(individual, fidelity, rng)
        share = self._accuracy(net, "validation")
        if self._inherits:
            self._keep(individual.key, str(individual), net, before + fidelity)
        records = {"epochs": before + fidelity, "parameters": _count(net)}
        return Outcome((share,), time.perf_counter() - began, records)

    def prototype(self, individual: Any) -> tuple[nn.Module, torch.Tensor]:
        """Return an untrained network and the first 32 training images."""
        import torch

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(_MEASURED)
            return self._made(individual), self.images.train.inputs[:32]

    def legacy(self, key: str) -> dict[str, Any] | None:
        """Return the trained weights of a graph and the epochs behind them; None for none.

        ``text`` is the graph, ``epochs`` a number, ``weights`` a state_dict.
        """
        if key not in self._trained:
            return None
        text, net = self._trained[key]
        return {"text": text, "epochs": self._seen[key], "weights": dict(net.state_dict())}

    def admit(self, key: str, legacy: Any) -> None:
        """Take in weights that children may inherit: see `legacy`."""
        import torch

        individual = self.space().parse(legacy["text"])
        with torch.random.fork_rng(devices=[]):
            net = self._made(individual).to(self._place())
        net.load_state_dict(legacy["weights"])
        self._keep(key, legacy["text"], net, legacy["epochs"])

    def state_dict(self) -> dict[str, Any]:
        """Return the weights that children may inherit, and what is behind them."""
        return {"trained": [[key, self.legacy(key)] for key in self._trained]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where ``state`` was taken."""
        self._trained.clear()
        self._seen.clear()
        for key, legacy in state["trained"]:
            self.admit(key, legacy)

    def measure(self, individual: Any) -> dict[str, float]:
        """Return the figures of the report, accuracies in [0, 1].

        ``test_accuracy`` and ``validation_accuracy`` of the network that was trained, or of one
        that is trained now, and its ``parameters``.
        """
        net = self._network(individual)
        figures = {f"{split}_accuracy": self._accuracy(net, split) for split in _SPLITS}
        return {**figures, "parameters": _count(net)}

    def mistakes(self, individual: Any) -> dict[str, Any] | None:
        """Return which classes it takes for which on the test images: see `find_mistakes`."""
        from deapnets.evaluators.mistakes import find_mistakes
        from deapnets.evaluators.splits import Split

        device, images = self._place(), self.images.test
        net = self._network(individual).eval()
        with one_thread(device):
            return find_mistakes(lambda rows: net(rows.to(device)).cpu(), Split(*images), "test")

    def _network(self, individual: Any) -> nn.Module:
        """Return the network as it was trained, or as it is trained now; once for a report."""
        _, net = self._trained.get(individual.key, ("", None))
        if net is None and self._measured[0] == individual.key:
            net = self._measured[1]
        if net is None:
            net, _ = self._train(individual, float(self._epochs), dn.Stream(_MEASURED))
        self._measured = (individual.key, net)
        return net

    def _train(self, individual: Any, epochs: float, rng: dn.Stream) -> tuple[nn.Module, float]:
        """Return a trained network, and the epochs that its parents' weights had seen."""
        import torch

        from deapnets_cifar.training import inherit, train

        device = self._place()
        rate = individual.learning_rate if isinstance(individual, dn.GraphGenome) else self._rate
        _, parent = self._trained.get(getattr(individual, "parent", None) or "", ("", None))
        with one_thread(device), torch.random.fork_rng(devices=[]):
            torch.manual_seed(rng.integer())
            net = self._made(individual).to(device)
            before = 0.0
            if parent is not None and not individual.genes.fresh and inherit(net, parent):
                before = self._seen[individual.parent]
            seed = rng.integer()
            how = {"epochs": epochs, "rate": rate, "ema": self._ema}
            train(net, self.images, **how, seed=seed, device=device)
        return net, before

    def _made(self, individual: Any) -> nn.Module:
        if isinstance(individual, dn.GraphGenome):
            return individual.module(10)
        return cast(dn.CellGenome, individual).module(10, self.images.shape[0])

    def _accuracy(self, net: nn.Module, split: str) -> float:
        from deapnets_cifar.training import accuracy

        device = self._place()
        with one_thread(device):
            return accuracy(net, getattr(self.images, split), device)

    def _keep(self, key: str, text: str, net: nn.Module, epochs: float) -> None:
        self._trained[key], self._seen[key] = (text, net), epochs
        self._trained.move_to_end(key)
        while len(self._trained) > _KEPT:
            self._seen.pop(self._trained.popitem(last=False)[0])

    def _place(self) -> torch.device:
        from deapnets.machine.resources import pick_device

        return pick_device(self._device)


_SPLITS = ("test", "validation")


def _count(net: nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


@contextmanager
def one_thread(device: torch.device) -> Iterator[None]:
    """Train on one thread of a CPU: sums have the same bits wherever, and workers fill the rest."""
    import torch

    before = torch.get_num_threads()
    if device.type == "cpu":
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
