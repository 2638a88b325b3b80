"""The evaluator ``bitstring``: a search that costs nothing, and whose noise is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, final

from deapnets.architectures.choices import ChoiceSpace, Genes
from deapnets.architectures.spaces import SpaceGenome
from deapnets.errors import OptionError, at_least_one
from deapnets.evaluators.architectures import ArchitectureEvaluator, Outcome

if TYPE_CHECKING:
    from deapnets.randomness import Stream


@final
class BitSpace(ChoiceSpace):
    """Rows of bits.

    Parameters
    ----------
    bits
        Length of a row.
    """

    name = "bitstring"

    def __init__(self, bits: int) -> None:
        self.choices = (2,) * bits

    def text(self, genes: Genes) -> str:
        """Return the bits as they are: ``"0110"``."""
        return "".join(map(str, genes))

    def parse_genes(self, text: str) -> Genes:
        """Return the bits of a text."""
        if len(text) != len(self.choices) or set(text) - {"0", "1"}:
            raise OptionError(f"Expected {len(self.choices)} characters of 0 and 1, got {text!r}.")
        return tuple(map(int, text))

    def describe(self) -> dict[str, object]:
        """Return name and length."""
        return {"name": self.name, "bits": len(self.choices)}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BitSpace) and self.choices == other.choices

    def __hash__(self) -> int:
        return hash(self.choices)


@final
class BitString(ArchitectureEvaluator):
    """The share of ones in a row of bits, measured with gaussian noise.

    The simulated search of Real, Aggarwal, Huang & Le 2018, arXiv 1802.01548, supplement C: one
    training run of a network is a noisy look at its worth. What an algorithm found is judged
    without the noise.

    Parameters
    ----------
    bits
        Length of a row, at least 1.
    noise
        Deviation of one measurement, in shares of ones.
    """

    settings: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "aging": {"population": 50, "tournsize": 10},
        "nonaging": {"population": 50, "tournsize": 10},
        "pairs": {"population": 50},
    }

    def __init__(self, *, bits: int = 100, noise: float = 0.05) -> None:
        at_least_one(bits=bits)
        if not 0.0 <= noise < float("inf"):
            raise OptionError(f"noise is a finite number of at least 0, got {noise}.")
        self._space, self._noise = BitSpace(bits), noise

    def space(self) -> BitSpace:
        """Return the space of all rows."""
        return self._space

    def evaluate_one(self, individual: SpaceGenome, fidelity: float, rng: Stream) -> Outcome:
        """Return the share of ones with noise added."""
        share = sum(individual.genes) / len(individual.genes)
        return Outcome((share + self._noise * rng.gaussian(),))

    def measure(self, individual: SpaceGenome) -> dict[str, float]:  # type: ignore[override]  # as genome
        """Return ``test_accuracy``: the share of ones without noise."""
        return {"test_accuracy": sum(individual.genes) / len(individual.genes)}
