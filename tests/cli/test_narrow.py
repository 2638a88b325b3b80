"""Sixty columns, no colour, a locale that knows nothing but ASCII, a name that is none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMANDS = [
    ["--help"],
    ["run", "--help"],
    [
        "run",
        "xor",
        "--generations",
        "3",
        "--seed",
        "1",
        "--device",
        "cpu",
        "--out",
        "{}/m\u00f6nch",
    ],
    ["show", "{}/m\u00f6nch"],
    ["runs", "{}"],
    ["report", "{}/m\u00f6nch"],
    ["compare", "--help"],
    ["doctor", "--help"],
    ["resume", "{}/m\u00f6nch", "--generations", "4"],
    ["export", "{}/m\u00f6nch", "{}/m\u00f6nch.safetensors"],
    ["plugins", "list"],
    ["plugins", "show", "xor"],
    ["plugins", "check", "xor"],
    ["plugins", "new", "narrow", "--dir", "{}/\u00fc"],
    [
        *("compare", "xor", "--algorithms", "ga", "--evaluations", "900", "--seeds", "1"),
        *("--out", "{}/\u00e9"),
    ],
    ["show", "{}/n\u00f6where"],
]

SCRIPT = """
import json, os, sys
from deapnets.cli import main
for words in json.loads(sys.argv[1]):
    print("$", ascii(words), flush=True)
    words = [os.fsdecode(word.encode()) for word in words]  # as a shell hands them over
    try:
        main(words)
    except SystemExit as end:
        print("exit", end.code, flush=True)
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[list[str], int]]:
    """Return what each command printed, and its exit code; all run in one process."""
    folder: Path = tmp_path_factory.mktemp("n")
    variables = {
        "COLUMNS": "60",
        "LC_ALL": "C",
        "PYTHONIOENCODING": "ascii",
        "PYTHONUTF8": "0",
        "NO_COLOR": "1",
    }
    words = [[word.format(folder) for word in command] for command in COMMANDS]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(words)],
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    text = done.stdout.decode("ascii")  # nothing else may come
    assert "Traceback" not in text
    parts = [part.splitlines()[1:] for part in ("\n" + text).split("\n$ ")[1:]]
    assert len(parts) == len(COMMANDS), text
    return {
        " ".join(command): (
            [line for line in lines[:-1] if str(folder) not in line],
            int(lines[-1].split()[1]),
        )
        for command, lines in zip(COMMANDS, parts, strict=True)
    }


@pytest.mark.parametrize("command", [" ".join(command) for command in COMMANDS])
def test_a_command_keeps_to_sixty_columns_of_ascii(said, command):
    """But for paths, and what stands beside them: they are not broken."""
    lines, code = said[command]
    assert code == (1 if "where" in command else 0)
    assert [line for line in lines if len(line) > 60] == []
    assert [line for line in lines if "\x1b" in line] == []
