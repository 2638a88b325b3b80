import os
import webbrowser
from pathlib import Path

import pytest

HEAD = b"<!doctype html>"


@pytest.fixture
def ran(deapnets, tmp_path):
    """A finished run in the working folder."""
    words = ("xor", "--generations", 3, "--population", 9, "--seed", 1)
    assert deapnets("run", *words, "--out", "run").exit_code == 0
    return tmp_path / "run"


def test_a_report_stands_in_the_runs_directory(deapnets, ran):
    result = deapnets("report", "run")
    assert (result.exit_code, result.output) == (0, f"{Path('run/report.html')}\n")
    assert (ran / "report.html").read_bytes().startswith(HEAD)


def test_a_report_of_several_runs_stands_here(deapnets, ran, tmp_path):
    deapnets("run", "xor", "--generations", 2, "--population", 9, "--out", "other")
    result = deapnets("report", "run", "other")
    assert (result.exit_code, result.output) == (0, "report.html\n")
    assert (tmp_path / "report.html").is_file()
    assert not (ran / "report.html").exists()


def test_out_says_where_it_goes_and_folders_are_made(deapnets, ran, tmp_path):
    assert deapnets("report", "run", "--out", "a/b.html").output == f"{Path('a/b.html')}\n"
    assert (tmp_path / "a" / "b.html").read_bytes().startswith(HEAD)


def test_out_that_is_a_folder_is_refused(refused, ran):
    line = refused("report", "run", "--out", "run", code=1)
    assert line == f"Error: run is a folder. Give --out a file, such as {Path('run/report.html')}"


def test_no_run_is_refused_in_one_line(refused, ran):
    line = refused("report", "run", "nowhere", code=1)
    assert "nowhere holds no run: there is no config.json" in line


def test_a_report_without_runs_is_a_usage_error(deapnets):
    result = deapnets("report")
    assert result.exit_code == 2
    assert "Missing argument 'RUN...'" in result.output


def test_what_is_missing_is_said_and_the_report_written(deapnets, ran):
    (ran / "trace.jsonl").unlink()
    result = deapnets("report", "run")
    assert (result.exit_code, result.stdout) == (0, f"{Path('run/report.html')}\n")
    assert "made by an older deapnets" in result.stderr


def test_open_shows_the_file_in_a_browser(deapnets, ran, monkeypatch):
    opened = []
    monkeypatch.setattr(webbrowser, "open", lambda address: opened.append(address) or True)
    assert deapnets("report", "run", "--open").exit_code == 0
    assert opened == [(ran / "report.html").as_uri()]


@pytest.mark.parametrize("fails", [False, True])
def test_without_a_browser_the_address_is_said(deapnets, ran, monkeypatch, fails):
    def broken(address):
        if fails:
            raise webbrowser.Error("could not locate runnable browser")
        return False

    monkeypatch.setattr(webbrowser, "open", broken)
    result = deapnets("report", "run", "--open")
    address = (ran / "report.html").as_uri()
    assert result.exit_code == 0
    assert result.stderr == f"No browser could be started. Open {address} in one.\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_one_line(refused, ran, tmp_path):
    (tmp_path / "shut").mkdir(mode=0o500)
    assert "cannot be written" in refused("report", "run", "--out", "shut/r.html", code=1)
