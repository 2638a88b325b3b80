"""``deapnets report``: one page about one run, or several beside each other."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("runs", metavar="RUN...", nargs=-1, required=True)
@click.option("--out", help="The file; report.html in RUN, or here where there are several.")
@click.option("--open", "opens", is_flag=True, help="Open it in the browser.")
def report(runs: tuple[str, ...], out: str | None, opens: bool) -> None:
    """Write one HTML page about the run in the directory RUN, or about several.

    It is one file that a browser opens from the disk: nothing is loaded from a network. A run that
    goes on, or was cut off, gives a report as far as it came.

    \b
    deapnets report runs/first --open
    deapnets report runs/ga-* --out ga.html
    """  # noqa: D301  (\b is click's mark for lines that keep their breaks)
    from deapnets.reports.confusion import look_for_mistakes
    from deapnets.reports.report import report_of
    from deapnets.reports.story import read_stories

    stories = read_stories(runs)
    for story in stories:
        look_for_mistakes(story)
    path = Path(out).expanduser() if out else _place([story.path for story in stories])
    _write(path, report_of(stories))
    click.echo(path)
    for text in [text for story in stories for text in story.missing]:
        click.echo(text, err=True)
    if opens:
        _open(path)


def _place(paths: list[Path]) -> Path:
    return (paths[0] if len(paths) == 1 else Path()) / "report.html"


def _write(path: Path, text: str) -> None:
    from deapnets.errors import RunError
    from deapnets.files.whole import write_whole

    if path.is_dir():
        raise RunError(f"{path} is a folder. Give --out a file, such as {path / 'report.html'}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"{path.parent} cannot be made: {error}.") from error
    # A locale that knows only ASCII hands over other bytes of a name as surrogates: give them back.
    content = text.encode("utf-8", "surrogateescape")
    write_whole(path, lambda beside: beside.write_bytes(content))


def _open(path: Path) -> None:
    """Open the page in a browser, or say that there is none."""
    import webbrowser

    address = path.absolute().as_uri()
    try:
        opened = webbrowser.open(address)
    except webbrowser.Error:
        opened = False
    if not opened:
        click.echo(f"No browser could be started. Open {address} in one.", err=True)
