"""Engines that are broken, and the clause of the contract that is about each."""

from __future__ import annotations

from concurrent.futures import Executor, Future

import deapnets as dn
from deapnets.engines.messages import Done
from deapnets.testing import EngineContract


class Sound(Executor):
    """It does everything at once, in this process."""

    _max_workers = 1

    def submit(self, function, /, *arguments):
        done = Future()
        try:
            done.set_result(function(*arguments))
        except Exception as error:
            done.set_exception(error)
        return done


class Rounding(Sound):
    def submit(self, function, /, *arguments):
        done = super().submit(function, *arguments)
        reply = done.result()
        if isinstance(reply, Done):
            for scored in reply.scored:
                scored.values.mul_(1.0 + 1e-12)
        return done


class Unwilling(dn.PopulationMap):
    def __call__(self, function, individuals, *more):
        individuals = list(individuals)
        if not individuals:
            raise IndexError("nobody is there")
        return super().__call__(function, individuals, *more)


class Hasty(dn.PopulationMap):
    def __call__(self, function, individuals, *more):
        return super().__call__(function, list(individuals), *more)[::-1]


class Spent(dn.PopulationMap):
    closed = False

    def __call__(self, function, individuals, *more):
        if self.closed:
            raise RuntimeError("it was closed")
        return super().__call__(function, individuals, *more)

    def close(self):
        self.closed = True
        super().close()


SOUND = Sound
BROKEN = {
    Rounding: "test_scores_records_and_weights_are_those_of_one_process",
    Unwilling: "test_nobody_at_all_is_scored_too",
    Hasty: "test_what_is_no_evaluator_is_mapped_in_order",
    Spent: "test_it_works_again_after_it_was_closed",
}


class TestEngines(EngineContract):
    cases = [(kind, {}) for kind in (SOUND, *BROKEN)]

    def make(self, engine, options):
        """Return a map on an engine; some of the broken ones are maps themselves."""
        return engine if isinstance(engine, dn.PopulationMap) else super().make(engine, options)
