"""``deapnets show``: what a run directory holds."""

from __future__ import annotations

from typing import Any

import click


@click.command()
@click.argument("directory")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(directory: str, as_json: bool) -> None:
    """Show the run in DIRECTORY: what was run, how far it came, what it found."""
    import json

    facts = gather(directory)
    if as_json:
        click.echo(json.dumps(facts, indent=2))
        return
    for name, value in facts.items():
        if isinstance(value, dict):
            click.echo(f"{name}")
            for key, inner in value.items():
                click.echo(f"  {key:22} {_text(inner)}")
        else:
            click.echo(f"{name:24} {_text(value)}")


def gather(directory: str) -> dict[str, Any]:
    """Return the facts about a run, as JSON values."""
    from deapnets.runs.directory import RunDirectory

    run = RunDirectory.open(directory)
    config = run.read("config.json")
    records = list(run.log())
    last = records[-1] if records else {}
    result = run.read("result.json") if run.has("result.json") else {}
    budget = {name: value for name, value in config["budget"].items() if value is not None}
    return {
        "directory": str(run.path),
        "status": result.get("status", "not finished"),
        "evaluator": config["evaluator"],
        "algorithm": config["algorithm"],
        "seed": config["seed"],
        "weights": config.get("parameters"),
        "budget": budget,
        "spent": f"{100 * last.get('spent', 0.0):.0f} %",
        "generation": last.get("generation"),
        "evaluations": last.get("evaluations"),
        "seconds": last.get("seconds"),
        "faults": last.get("faults", 0),
        "best": run.read("best.json") if run.has("best.json") else {},
        "metrics": result.get("metrics", {}),
        "options": config["options"],
        "algorithm_options": config["algorithm_options"],
    }


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(inner)}" for name, inner in value.items())
    return f"{value:.6g}" if isinstance(value, float) else f"{value}"
