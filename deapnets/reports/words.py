"""What a run's figures say, in words: the first thing that a report tells."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from deapnets.reports.evolving import ancestors, operator_counts
from deapnets.reports.statistics import FEWEST
from deapnets.reports.story import Record, Story, number, numbers, record_of
from deapnets.runs.budget import minimised

_STILL = 0.03  # part of all that was gained, which the last fifth has to add to be going on
_COLLAPSED = 0.01  # part of the diversity of the beginning
_MAIN = ("test_accuracy", "test_loss", "validation_accuracy", "validation_loss")


def verdict(story: Story) -> list[str]:
    """Return what became of a run, in a few sentences."""
    return [_outcome(story), *_found(story), *_trend(story), *_warnings(story)]


def _outcome(story: Story) -> str:
    last = story.last
    if not last:
        return f"{story.status.capitalize()}, and no generation was scored yet."
    spent = number(last.get("spent"))
    done = (
        f"{count(last['generation'], 'generation')} and "
        f"{count(last.get('evaluations'), 'evaluation')} in {seconds(last.get('seconds'))}"
    )
    if story.status == "finished":
        return f"Finished after {done}."
    part = "" if spent is None else f", {100 * spent:.0f} % of its budget"
    if story.status == "running":
        who = f" (process {story.owner.get('pid')})" if story.owner.get("pid") else ""
        return f"Still running{who}: {done}{part}. What follows is as far as it came."
    said = "Failed" if story.status == "failed" else "Interrupted"
    return f"{said} after {done}{part}; deapnets resume {story.path} goes on."


def _found(story: Story) -> Iterator[str]:
    """Say how good the saved network is on rows that it was not bred on."""
    found = story.metrics()
    name = main_metric(found)
    if name is None:
        best = number(story.best.get("fitness"))
        if best is not None:
            yield f"The saved network has fitness {best:.5g}; there are no held-out figures."
        return
    split, _, what = name.partition("_")
    plain = what.replace("_", " ")
    said = f"The saved network: {plain} {figure(name, found[name])} on the {split} split"
    other = f"validation_{what}"
    if split == "test" and other in found:
        said += f", {figure(other, found[other])} on the validation split that chose it"
    yield f"{said}."


def main_metric(found: Record) -> str | None:
    """Return the figure that a run is judged by, or None."""
    others = [n for split in ("test_", "validation_") for n in found if n.startswith(split)]
    return next((name for name in (*_MAIN, *others) if name in found), None)


def _trend(story: Story) -> Iterator[str]:
    """Say whether the run was still getting better at its end."""
    name = next((n for n in _judged_by(story) if _has(story, n)), "mean")
    values = [value for value in numbers(story.log, name) if value is not None]
    if story.metrics().get("validation_accuracy") == 1.0:
        yield "Nothing is left to gain on the held-out rows."
        return
    if len(values) < (30 if name == "mean" else 10) or (name == "mean" and story.networks):
        return
    down = minimised(name) or (name == "mean" and _minimises(values, story))
    best = _so_far(values, down)
    total = abs(best[-1] - best[0])
    late = abs(best[-1] - best[int(0.8 * len(best))])
    plain = name.removeprefix("validation_").replace("_", " ")
    what = f"{plain} on held-out rows" if "_" in name else "mean fitness"
    if not total:
        yield f"The {what} has not changed since the first look: nothing was learnt."
    elif late > _STILL * total:
        yield (
            f"It was still getting better: the last fifth of the run brought "
            f"{100 * late / total:.0f} % of all that was gained in {what}. A larger budget is "
            "likely to help."
        )
    else:
        yield (
            f"It had nearly stopped: the last fifth of the run brought {100 * late / total:.2g} % "
            f"of all that was gained in {what}."
        )


def _judged_by(story: Story) -> tuple[str, ...]:
    """Return the held-out figures that tell of progress, the one like the fitness first."""
    fitness = record_of(story.config.get("options")).get("fitness")
    names = ("validation_accuracy", "validation_loss")
    others = [name for name in story.log[0] if name.startswith("validation_")] if story.log else []
    return (*(names if fitness == "accuracy" else names[::-1]), *others)


def _has(story: Story, name: str) -> bool:
    return len([v for v in numbers(story.log, name) if v is not None]) >= 10


def _minimises(values: Sequence[float], story: Story) -> bool:
    """Return whether fitness is minimised: the best of a generation is below its mean."""
    best, mean = number(story.last.get("best")), number(story.last.get("mean"))
    return best is not None and mean is not None and best < mean


def _so_far(values: Sequence[float], down: bool) -> list[float]:
    best = [values[0]]
    for value in values[1:]:
        best.append(min(best[-1], value) if down else max(best[-1], value))
    return best


def _warnings(story: Story) -> Iterator[str]:
    """Say what may be wrong with it."""
    yield from _overfit(story)
    spread = [value for value in numbers(story.trace, "diversity") if value is not None]
    if len(spread) > 5 and spread[-1] < _COLLAPSED * spread[0]:
        yield (
            f"The population has collapsed: its diversity is {100 * spread[-1] / spread[0]:.2g} % "
            "of what it was at the beginning. A larger sigma, or a larger population, keeps it "
            "apart."
        )
    watched = [sum(pair) for pair in zip(*operator_counts(story).values(), strict=True)]
    if watched and watched[0] >= 100 and watched[1] < 0.005 * watched[0]:
        yield (
            f"Hardly a child was better than its parents: {watched[1]} of {watched[0]} that were "
            "looked at. A smaller sigma changes less at once."
        )
    faults = number(story.last.get("faults"))
    if faults:
        yield f"{count(faults, 'fault')}: see below."


def _overfit(story: Story) -> Iterator[str]:
    """Say where the loss on training rows is far below the one on held-out rows."""
    if record_of(story.config.get("options")).get("fitness", "loss") != "loss":
        return
    held = number(story.last.get("validation_loss"))
    trained = [-value for value in numbers(story.log[-10:], "best") if value is not None]
    if held is None or not trained or min(trained) <= 0:
        return
    own = statistics.fmean(trained)
    if held > 1.5 * own and held - own > 0.02:
        yield (
            f"It fits its training rows better than others: the best network's loss is {own:.3g} "
            f"there and {held:.3g} on held-out rows."
        )


def together(stories: Sequence[Story]) -> list[str]:
    """Return what several runs say beside each other."""
    scored = [(story, story.metrics()) for story in stories]
    shared = [n for n in scored[0][1] if all(n in found for _, found in scored)]
    name = main_metric(dict.fromkeys(shared))
    if name is None:
        return [f"{len(stories)} runs, without a held-out figure that all of them have."]
    split, _, what = name.replace("_", " ").partition(" ")
    groups: dict[str, list[tuple[Story, float]]] = {}
    for story, found in scored:
        groups.setdefault(story.settings, []).append((story, found[name]))
    said = [_group(name, lot) for lot in groups.values() if len(lot) > 1]
    if len(groups) == 1:
        return said
    choose = min if minimised(name) else max
    best, found = choose(scored, key=lambda pair: pair[1][name])
    return [
        f"{len(stories)} runs of different settings. The best {what} on the {split} split has "
        f"{best.name}: {figure(name, found[name])}.",
        *said,
        f"Few runs of each say little: deapnets compare runs algorithms over {FEWEST} seeds and "
        "says what is noise.",
    ]


def _group(name: str, runs: Sequence[tuple[Story, float]]) -> str:
    """Return mean and deviation of runs that differ in their seeds alone."""
    split, _, what = name.replace("_", " ").partition(" ")
    values = [value for _, value in runs]
    mean, deviation = statistics.fmean(values), statistics.stdev(values)
    spread = f"{100 * deviation:.2g} points" if what == "accuracy" else f"{deviation:.2g}"
    names = ", ".join(story.name for story, _ in runs[:5])
    more = f" and {len(runs) - 5} more" if len(runs) > 5 else ""
    return (
        f"{len(runs)} runs of the same settings ({names}{more}): mean {what} {figure(name, mean)} "
        f"on the {split} split, deviation {spread}."
    )


def line_in_words(story: Story) -> str:
    """Return what the ancestors of the saved network tell."""
    line = ancestors(story)
    births = sum(born for _, _, born in line)
    gap = max((b[0] - a[0] for a, b in pairwise(line)), default=0)
    more = " (not all of them are kept)" if gap > 1 else ""
    return f"{len(line)} ancestors{more}, {births} of them born in their generation."


def figure(name: str, value: float) -> str:
    """Return a figure as people read it: accuracies in percent."""
    if name.endswith("accuracy"):
        return f"{100 * value:.2f} %"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def count(value: Any, noun: str) -> str:
    """Return ``"1 generation"``, ``"1,200 generations"``, or that nobody knows."""
    known = number(value)
    if known is None:
        return f"an unknown number of {noun}s"
    return f"{known:,.0f} {noun}{'' if known == 1 else 's'}"


def seconds(value: Any) -> str:
    """Return a duration as people say it."""
    known = number(value)
    if known is None:
        return "an unknown time"
    if known < 120:
        return f"{known:.3g} s"
    minutes, hours = known / 60, known / 3600
    return f"{minutes:.0f} min" if minutes < 120 else f"{hours:.1f} h"
