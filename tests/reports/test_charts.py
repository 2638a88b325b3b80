from itertools import pairwise

import pytest

from deapnets.reports.charts import GROUPED, buckets_for, looks, spaced, thinned
from deapnets.reports.report import report_of
from deapnets.reports.story import Story


@pytest.fixture
def stories(tmp_path):
    """Return a function that makes runs of two settings, in turn, with a log each."""

    def stories(count):
        log = [{"generation": g, "best": g / 9, "mean": g / 10} for g in range(10)]
        return [
            Story(f"run<{n}>", tmp_path / f"{n}", "finished", {}, {"options": n % 2}, log=log)
            for n in range(count)
        ]

    return stories


def test_a_short_curve_is_drawn_whole_but_for_what_is_unknown():
    assert thinned([1.0, None, 3.0]) == [0, 2]


def test_of_a_long_curve_ends_and_extremes_stay():
    values = [0.0] * 10_000
    values[1234], values[7777] = 9.0, -9.0
    kept = thinned(values, 50)
    assert {0, 1234, 7777, 9_999} <= set(kept)
    assert len(kept) <= 102
    assert kept == sorted(set(kept))


def test_positions_are_picked_evenly_however_dense_they_are():
    positions = [*range(256), *range(256, 10_000, 64)]
    picked = [positions[at] for at in spaced(positions, 100)]
    assert len(picked) <= 100
    assert picked[0] == 0
    assert max(b - a for a, b in pairwise(picked)) <= 200


def test_a_few_runs_have_a_colour_and_a_name_each(stories):
    found = looks(stories(4))
    assert len({look.colour for look in found}) == 4
    assert [look.name for look in found][:2] == ["run&lt;0&gt;", "run&lt;1&gt;"]
    assert all(look.named for look in found)


def test_many_runs_of_the_same_settings_share_a_colour_and_a_name(stories):
    found = looks(stories(GROUPED + 4))
    assert len({look.colour for look in found}) == 2
    assert found[0] == found[2].__class__(**{**vars(found[2]), "named": True})
    assert [look.named for look in found] == [True, True] + [False] * (GROUPED + 2)
    assert found[1].name == f"run&lt;1&gt; and {GROUPED // 2 + 1} more"


def test_many_runs_share_the_points_of_a_chart():
    assert buckets_for(1) == 400
    assert 30 * 2 * buckets_for(30) <= 6_000


def test_of_many_runs_each_verdict_is_folded_away_and_the_unfinished_are_named(stories):
    runs = stories(GROUPED + 1)
    runs[3].status = "failed"
    text = report_of(runs)
    assert "<details><summary>Each of them</summary>" in text
    assert "Not finished: run&lt;3&gt;." in text
    assert "<details>" not in report_of(runs[:GROUPED])
