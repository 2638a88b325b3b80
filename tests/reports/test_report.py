"""The page, read as a browser would: its text, its charts, and what it must not hold."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import plotly.graph_objects
import pytest

from deapnets.reports import page
from deapnets.reports.report import report_of
from deapnets.reports.story import read_stories

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
EVIL = '<img src=x onerror="alert(1)">&amp;</script><script>alert(2)</script>'


class Reader(HTMLParser):
    """Elements that are open, all that were there, and the text outside of scripts."""

    EMPTY = ("meta", "link", "img", "option")

    def __init__(self):
        super().__init__()
        self.open, self.elements, self.text, self.scripts = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        inside = self.open[-1:] == ["script"]
        (self.scripts if inside else self.text).append(data)


def read(text):
    """Return the page as it was read; every element is closed."""
    reader = Reader()
    reader.feed(text)
    assert not reader.open
    reader.text = " ".join(" ".join(reader.text).split())
    return reader


def report(*paths):
    text = report_of(read_stories(paths))
    return text, read(text)


def charts(reader):
    """Return the charts of a page by their names; each has a place in it."""
    found = {chart["name"]: chart for chart in json.loads(reader.scripts[0])}
    places = [attrs["id"] for tag, attrs in reader.elements if attrs.get("class") == "plot"]
    assert list(found) == places or sorted(found) == sorted(places)
    return found


def coloured(value):
    """Return a chart with plain colours in place of the page's variables."""
    if isinstance(value, dict):
        return {name: coloured(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [coloured(inner) for inner in value]
    if isinstance(value, str) and value.startswith("@"):
        return "RdBu" if value in ("@diverging", "@mistakes") else "#123456"
    return value


@pytest.fixture(scope="module")
def first(finished):
    return report(finished)


def test_a_report_is_one_page_that_fits(first):
    text, reader = first
    assert text.startswith("<!doctype html>")
    assert len(text.encode()) < 8_000_000
    assert [tag for tag, _ in reader.elements].count("script") == 3


def test_nothing_in_the_page_asks_a_network_for_anything(first):
    _, reader = first
    addresses = [
        attrs[name]
        for _, attrs in reader.elements
        for name in ("src", "href", "action", "poster", "data")
        if name in attrs
    ]
    assert all(address.startswith("data:") for address in addresses), addresses
    (policy,) = [a["content"] for t, a in reader.elements if a.get("http-equiv")]
    assert policy.startswith("default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; ")


def test_the_page_allows_its_own_two_scripts_alone(first):
    _, reader = first
    (policy,) = [a["content"] for t, a in reader.elements if a.get("http-equiv")]
    for script in reader.scripts[1:]:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert policy.count("sha256-") == 2


def test_every_chart_is_one_that_plotly_takes(first, searched, finished):
    for reader in (first[1], report(searched)[1], report(searched, finished)[1]):
        for chart in charts(reader).values():
            plotly.graph_objects.Figure(coloured(chart["data"]), coloured(chart["layout"]))


def test_a_run_has_a_chart_of_everything_it_recorded(first):
    found = charts(first[1])
    assert list(found) == [
        "fitness",
        "validation_accuracy",
        "validation_loss",
        "weights-0",
        "confusion-0",
        "phases",
        "diversity",
        "operators",
        "log-sigma",
        "lineage-0",
    ]
    assert len(found["weights-0"]["data"][0]["z"]) == 22
    assert found["fitness"]["axes"].keys() == {"generation", "evaluations", "seconds"}


def test_the_page_says_what_was_found_and_how_to_run_it_again(first):
    _, reader = first
    assert "Finished after 40 generations and" in reader.text
    assert "on the test split" in reader.text
    assert "deapnets run xor" in reader.text
    assert "--generations 40" in reader.text
    assert "--seed 1" in reader.text
    assert "cxUniform, mutGaussian" in reader.text
    assert "safetensors" in reader.text  # its version
    assert "Some of it is not there" not in reader.text


def test_the_curves_are_those_of_the_log(first, finished):
    found = charts(first[1])["fitness"]
    log = [json.loads(line) for line in (finished / "log.jsonl").read_text().splitlines()]
    best, mean = found["data"]
    assert best["y"] == [record["best"] for record in log]
    assert mean["y"] == [record["mean"] for record in log]
    assert found["axes"]["seconds"][0] == [record["seconds"] for record in log]


def test_what_a_search_saved_stands_in_its_report(searched):
    _, reader = report(searched)
    best = json.loads((searched / "best.json").read_text())
    assert f"Saved: {best['architecture']}" in reader.text


def test_several_runs_are_laid_over_each_other(finished, copied):
    _, reader = report(finished, copied)
    found = charts(reader)
    assert [trace["name"] for trace in found["validation_accuracy"]["data"]] == ["first", "copied"]
    assert {"weights-0", "weights-1", "lineage-0", "lineage-1"} <= found.keys()
    assert "2 runs of the same settings (first, copied): mean accuracy" in reader.text


def test_runs_of_one_name_are_told_apart(finished, tmp_path):
    (tmp_path / "first").symlink_to(finished)
    names = [story.name for story in read_stories([finished, tmp_path / "first"])]
    assert names == [f"{finished.parent.name}/first", f"{tmp_path.name}/first"]


def test_whatever_a_directory_says_is_text_and_nothing_else(written, tmp_path):
    written("config.json", evaluator=EVIL, algorithm=EVIL, options={EVIL: EVIL})
    written("environment.json", processor=EVIL, versions={EVIL: EVIL})
    written("result.json", metrics={EVIL: 1.0}, faults=[{"generation": EVIL, "value": EVIL}])
    copied = written("best.json", digest=EVIL)
    with (copied / "trace.jsonl").open("a") as trace:
        trace.write(json.dumps({"generation": 41, "operators": {EVIL: [9000, 1]}}) + "\n")
    with (copied / "log.jsonl").open("a") as log:
        log.write(json.dumps({"generation": 41, EVIL: 1.0, "validation_" + EVIL: 1.0}) + "\n")
    evil = copied.rename(tmp_path / "<b>run'&quot;")
    text, reader = report(evil)
    assert "<img src=x" not in text
    assert "alert(2)</script>" not in text
    assert [tag for tag, _ in reader.elements].count("script") == 3
    assert "<b>run'&quot;" in reader.text
    for chart in charts(reader).values():
        for trace in chart["data"]:
            assert "<" not in trace.get("name", "")


def test_pictures_of_a_run_are_part_of_the_page(copied):
    for name in ("pictures/000001.png", "samples/<a>.png", "picture.png"):
        (copied / name).parent.mkdir(exist_ok=True)
        (copied / name).write_bytes(PNG)
    (copied / "samples" / "notes.txt").write_text("no picture")
    _, reader = report(copied)
    images = [attrs for tag, attrs in reader.elements if tag == "img"]
    assert [i["alt"] for i in images] == ["pictures/000001.png", "samples/<a>.png", "picture.png"]
    assert base64.b64decode(images[0]["src"].partition(",")[2]) == PNG


def test_pictures_for_which_there_is_no_room_are_left_out_and_said(copied, monkeypatch):
    monkeypatch.setattr("deapnets.reports.story.MOST_PICTURES", 2)
    (copied / "samples").mkdir()
    for number in range(5):
        (copied / "samples" / f"{number}.png").write_bytes(PNG)
    _, reader = report(copied)
    assert [a["alt"] for t, a in reader.elements if t == "img"] == [
        "samples/3.png",
        "samples/4.png",
    ]
    assert "3 of 5 pictures are left out." in reader.text


def test_a_report_of_ten_thousand_generations_is_small(copied):
    record = json.loads((copied / "log.jsonl").read_text().splitlines()[-1])
    lines = [
        json.dumps(
            {**record, "generation": g, "best": -1 / (g + 1), "mean": (g * 7919 % 997) / 997}
        )
        for g in range(10_001)
    ]
    (copied / "log.jsonl").write_text("\n".join(lines) + "\n")
    text, reader = report(copied)
    assert len(text.encode()) < 6_000_000
    best, mean = charts(reader)["fitness"]["data"]
    assert len(mean["x"]) <= 802
    assert (best["x"][0], best["x"][-1]) == (0, 10_000)
    assert (min(mean["y"]), max(mean["y"])) == (0.0, 996 / 997)


def test_without_plotly_the_message_says_what_to_type(monkeypatch, finished):
    def missing(_):
        raise ModuleNotFoundError("No module named 'plotly'")

    monkeypatch.setattr(page.resources, "files", missing)
    with pytest.raises(page.PluginError, match=re.escape("not installed: pip install plotly")):
        page.plotly_script()
