"""`ProgramEvaluator`: fitness of programs, a population at a time; `Regression`: of formulas."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, final

from deapnets.errors import ArchitectureError, EvaluationError, OptionError
from deapnets.evaluators.architectures import ArchitectureEvaluator, Outcome
from deapnets.evaluators.archive import Score, ScoreArchive

if TYPE_CHECKING:
    import torch

    from deapnets.architectures.spaces import SpaceGenome
    from deapnets.programs.spaces import ProgramGenome, ProgramSpace
    from deapnets.randomness import Stream


class ProgramEvaluator(ArchitectureEvaluator):
    """Fitness of programs, scored together; programs that compute the same are scored once.

    Implement `space` and `evaluate_programs`. With `deapnets.PopulationMap` as the toolbox's map a
    generation is one call; `deapnets.eaAging` and its relatives ask for one program at a time.
    What is above the space's limits, what torch cannot compute and what is not finite has the worst
    fitness, `infeasible`, and a reason in its records.
    """

    functional: ClassVar[bool] = True
    """Whether programs with one `ProgramSpace.key` have one score; False: those with one text."""

    @abstractmethod
    def space(self) -> ProgramSpace:
        """Return the space that is searched: always the same object."""

    @abstractmethod
    def evaluate_programs(
        self, programs: Sequence[ProgramGenome], fidelity: float, rngs: Sequence[Stream]
    ) -> list[Outcome]:
        """Return the outcome of each program; the randomness of each comes from its own stream.

        An `EvaluationError` for several is followed by a call for each of them.
        """

    def evaluate_one(self, individual: SpaceGenome, fidelity: float, rng: Stream) -> Outcome:
        """Return the outcome of one program."""
        from deapnets.programs.spaces import ProgramGenome

        assert isinstance(individual, ProgramGenome)
        self.space().require_limits(individual)
        try:
            (outcome,) = self.evaluate_programs([individual], fidelity, [rng])
        except EvaluationError as error:
            raise ArchitectureError(str(error)) from error
        return outcome

    def outcomes(
        self, individuals: Sequence[Any], fidelity: float, seeds: Sequence[int]
    ) -> list[Outcome]:
        """Return the outcome of each individual, whatever happens to it, all in one batch."""
        from deapnets.programs.spaces import ProgramGenome
        from deapnets.randomness import Stream

        suits = [isinstance(one, ProgramGenome) and self._fits(one) for one in individuals]
        chosen = [at for at, fits in enumerate(suits) if fits]
        found: dict[int, Outcome] = {}
        if chosen:
            programs = [individuals[at] for at in chosen]
            rngs = [Stream(seeds[at]) for at in chosen]
            try:
                together = self.evaluate_programs(programs, fidelity, rngs)
            except (EvaluationError, ArchitectureError):  # one of them: each for itself
                together = []
            found = {at: self.checked(o) for at, o in zip(chosen, together, strict=False)}
        return [
            found[at] if at in found else self.outcome(one, fidelity, seeds[at])
            for at, one in enumerate(individuals)
        ]

    def generation(
        self, individuals: Sequence[Any], seed: int, archive: ScoreArchive | None = None
    ) -> list[Outcome]:
        """Return the outcomes of a generation; of programs that compute the same, one is scored.

        What the archive knows is not scored again, what it does not is written down. A program's
        own seed follows from ``seed`` and from what it computes, whatever stands beside it.
        """
        names = self._names(individuals)
        first = {name: at for at, name in reversed(list(enumerate(names)))}
        known: dict[str, Outcome] = {}
        fidelity = self.fidelities[-1]
        if archive is not None:
            for name in first:
                values = archive.recall(name, fidelity)
                if values is not None:
                    known[name] = Outcome(values)
        fresh = [name for name in dict.fromkeys(names) if name not in known]
        seeds = [_seed_of(seed, name) for name in fresh]
        chosen = [individuals[first[name]] for name in fresh]
        for name, own, one, outcome in zip(
            fresh, seeds, chosen, self.outcomes(chosen, fidelity, seeds), strict=True
        ):
            known[name] = outcome
            if archive is not None:
                score = Score(outcome.values, outcome.seconds, own)
                archive.note(name, fidelity, score, str(one))
        return [known[name] for name in names]

    def _names(self, individuals: Sequence[Any]) -> list[str]:
        """Return what tells programs apart; of what is none, its text, which is refused later."""
        from deapnets.programs.spaces import ProgramGenome

        if not self.functional:
            return [str(one) for one in individuals]
        own = [at for at, one in enumerate(individuals) if isinstance(one, ProgramGenome)]
        keys = dict(zip(own, self.space().keys([individuals[at] for at in own]), strict=True))
        return [keys.get(at, str(one)) for at, one in enumerate(individuals)]

    def _fits(self, program: ProgramGenome) -> bool:
        return program.space == self.space() and self.space().within(program)


def _seed_of(seed: int, name: str) -> int:
    digest = hashlib.sha256(f"{seed} {name}".encode()).digest()
    return int.from_bytes(digest[:8], "little")


@final
class Regression(ProgramEvaluator):
    """The mean squared error of formulas on points; minimised.

    ::

        toolbox.register("evaluate", dn.Regression(space, inputs, targets))
        toolbox.register("map", dn.PopulationMap())

    Parameters
    ----------
    space
        The programs.
    inputs
        ``[points, arguments]``, or ``[points]`` for one argument; programs compute in its type and
        on its device.
    targets
        ``[points]``.
    block
        Points that are computed at once.

    Raises
    ------
    OptionError
        When inputs, targets and arguments do not belong together.
    """

    weights: ClassVar[tuple[float, ...]] = (-1.0,)
    functional = False  # errors of 1e-12 are told apart, and a probe is no set of points
    infeasible = 1e30

    def __init__(
        self,
        space: ProgramSpace,
        inputs: torch.Tensor,
        targets: torch.Tensor,
        *,
        block: int = 8192,
    ) -> None:
        columns = inputs[:, None] if inputs.ndim == 1 else inputs
        wanted = (targets.shape[0], len(space.pset.arguments))
        if targets.ndim != 1 or tuple(columns.shape) != wanted:
            raise OptionError(
                f"Regression takes inputs of shape [points, {wanted[1]}] "
                f"({', '.join(space.pset.arguments)}) and targets of shape [points]; got "
                f"{list(inputs.shape)} and {list(targets.shape)}."
            )
        if block < 1:
            raise OptionError(f"block is at least 1 point, got {block}.")
        self._space, self._block = space, block
        self._columns = [column.contiguous() for column in columns.unbind(1)]
        self._targets = targets

    def space(self) -> ProgramSpace:
        """Return the space."""
        return self._space

    def evaluate_programs(
        self, programs: Sequence[ProgramGenome], fidelity: float, rngs: Sequence[Stream]
    ) -> list[Outcome]:
        """Return the mean squared errors, all programs block by block."""
        import torch

        from deapnets.machine.threads import side_by_side
        from deapnets.programs.compiling import Programs, blocks

        compiled = Programs(programs, self._space.pset)

        def errors(part: slice) -> tuple[list[tuple[int, ...]], torch.Tensor]:
            """Return sums of squared errors of a block, and whose they are."""
            targets, owners, sums = self._targets[part], [], []
            with torch.no_grad():
                for numbers, output in compiled.run(*(column[part] for column in self._columns)):
                    difference = (output - targets).flatten()
                    owners.append(numbers)
                    sums.append(torch.dot(difference, difference))
                return owners, torch.stack(sums).double()

        parts = list(side_by_side(errors, blocks(self._columns, self._block)))
        owners = parts[0][0]
        total = torch.stack([sums for _, sums in parts]).sum(0)
        found: list[Any] = [None] * len(programs)
        for numbers, error in zip(owners, (total / len(self._targets)).tolist(), strict=True):
            for number in numbers:
                found[number] = Outcome((error,))
        return found
