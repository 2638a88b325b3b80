import json

import pytest

import deapnets as dn
from deapnets.reports import searching
from deapnets.reports.searching import Network, line_of, networks_of, winner_of
from deapnets.reports.story import Story, read_story


def network(number, parent, fitness, text="a", size=None, level=0, reason=None):
    return [number, parent, 10.0 * number, fitness, level, size, text, reason]


@pytest.fixture
def story(tmp_path):
    """A search whose winner, number 5, descends from 1 by way of 3."""
    rows = [
        network(1, None, 0.5, "a", 100),
        network(2, None, 0.6, "b", 50),
        network(3, 1, 0.55, "c", 400),
        network(4, 2, 0.0, "d", None, reason="too large"),
        network(5, 3, 0.9, "e", 300),
    ]
    best = {"architecture": "e"}
    return Story(
        "s", tmp_path, "finished", {}, {}, best=best, trace=[{"generation": 0, "networks": rows}]
    )


def test_the_winners_line_goes_back_to_who_was_drawn(story):
    networks = networks_of(story)
    line = line_of(winner_of(story, networks), networks)
    assert [one.number for one in line] == [1, 3, 5]


def test_every_network_that_could_be_trained_is_a_dot(story):
    chart = searching.dots(story, 0)
    assert chart.data[0]["y"] == [0.5, 0.6, 0.55, 0.9]
    assert chart.data[0]["x"] == [10.0, 20.0, 30.0, 50.0]
    assert chart.data[1]["y"] == [0.5, 0.55, 0.9]
    assert chart.note == "4 networks; 1 more could not be trained."


def test_the_front_holds_those_that_none_beats_in_weights_and_fitness(story):
    chart = searching.pareto(story, 0)
    assert list(zip(chart.data[1]["x"], chart.data[1]["y"], strict=True)) == [(50, 0.6), (300, 0.9)]


def test_children_are_counted_against_their_parents(story):
    assert searching.improvements(story) == (3, 2)


def test_the_winner_of_a_run_that_saved_nothing_is_the_best_at_the_full_fidelity(story):
    story.best = {}
    networks = [*networks_of(story), Network(6, None, 60.0, 0.7, 1, None, "f", None)]
    assert winner_of(story, networks).number == 6


def test_a_line_that_leads_in_a_circle_ends(story):
    networks = [
        Network(1, 2, 0.0, 0.1, 0, None, "a", None),
        Network(2, 1, 0.0, 0.2, 0, None, "b", None),
    ]
    assert [one.number for one in line_of(networks[1], networks)] == [1, 2]


def test_rows_of_another_form_are_left_out(story):
    text = ["1", None, 1.0, 0.5, 0, None, "a", None]
    rows = [[1, 2], "x", None, text, network(1, None, None), [None] * 8]
    story.trace.append({"generation": 1, "networks": rows})
    story.trace.append({"generation": 2, "networks": {"a": 1}})
    assert len(networks_of(story)) == 5
    assert searching.dots(story, 0)


def test_weights_of_a_published_space_are_counted_for_the_report(tmp_path):
    texts = [
        "|nor_conv_3x3~0|+|nor_conv_3x3~0|none~1|+|none~0|none~1|nor_conv_3x3~2|",
        "|nor_conv_3x3~0|+|nor_conv_1x1~0|none~1|+|none~0|none~1|nor_conv_3x3~2|",
        "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|",  # nothing to train
    ]
    rows = [network(at + 1, None, 0.5 + at / 10, text) for at, text in enumerate(texts)]
    config = {"space": json.loads(json.dumps(dn.NASBENCH201.describe()))}
    trace = [{"generation": 0, "networks": rows}]
    chart = searching.pareto(Story("s", tmp_path, "finished", {}, config, trace=trace), 0)
    counted = [dn.NASBENCH201.parse(text).parameters() for text in texts[:2]]
    assert chart.data[0]["x"] == counted


def test_a_search_that_was_run_is_told(searched):
    story = read_story(searched)
    networks = networks_of(story)
    assert [one.number for one in networks] == list(range(1, 151))
    assert searching.variety([story])
    children, better = searching.improvements(story)
    assert 0 < better < children == 100
    line = line_of(winner_of(story, networks), networks)
    assert line[0].parent is None
    assert line[-1].text == story.best["architecture"]
