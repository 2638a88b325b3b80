"""What a run's directory says of the run: whether it goes on, how far it came, how to go on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deapnets.errors import RunError
from deapnets.files.locking import owner
from deapnets.runs.directory import RunDirectory

STATUSES = ("running", "interrupted", "failed", "finished")
"""What a run may be; one that was killed is interrupted."""


def status_of(run: RunDirectory) -> str:
    """Return one of `STATUSES`."""
    if owner(run.path) is not None:
        return "running"
    result = run.read("result.json") if run.has("result.json") else {}
    return str(result.get("status", "interrupted"))


def describe(run: RunDirectory) -> dict[str, Any]:
    """Return the facts about a run, as JSON values.

    Raises
    ------
    RunError
        When a file of it cannot be read.
    """
    config = run.read("config.json")
    records = list(run.log())
    last = records[-1] if records else {}
    result = run.read("result.json") if run.has("result.json") else {}
    status = status_of(run)
    return {
        "directory": str(run.path),
        "status": status,
        "owner": owner(run.path) or {},
        "evaluator": config["evaluator"],
        "algorithm": config["algorithm"],
        "seed": config["seed"],
        "weights": config.get("parameters"),
        "budget": {name: value for name, value in config["budget"].items() if value is not None},
        "spent": f"{100 * last.get('spent', 0.0):.0f} %",
        "generation": last.get("generation"),
        "evaluations": last.get("evaluations"),
        "seconds": last.get("seconds"),
        "resumed": result.get("resumed", 0),
        "faults": last.get("faults", 0),
        "best": run.read("best.json") if run.has("best.json") else {},
        "metrics": result.get("metrics", {}),
        "options": config["options"],
        "algorithm_options": config["algorithm_options"],
        "next": _next(run, status, config["budget"]),
    }


def find_runs(folder: Path) -> Iterator[RunDirectory]:
    """Yield the runs in a folder and below it, in the order of their paths.

    Raises
    ------
    RunError
        When the folder is not there.
    """
    if not folder.is_dir():
        raise RunError(
            f"{folder} is no folder. deapnets run EVALUATOR leaves its runs in runs/, or where "
            "--out says."
        )
    for path in sorted(folder.rglob("config.json")):
        yield RunDirectory(path.parent)


def _next(run: RunDirectory, status: str, budget: dict[str, Any]) -> str:
    """Return the command that goes on with a run."""
    if status == "running":
        return f"deapnets show {run.path}"
    command = f"deapnets resume {run.path}"
    if status != "finished":
        return command
    kind = next((name for name, limit in budget.items() if limit is not None), "generations")
    return f"{command} --{kind} MORE"
