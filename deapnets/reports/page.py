"""The page of a report: one HTML file that asks no network for anything.

Every text comes in through `markup`, which escapes what it puts in: a run's directory may come from
anybody. A content security policy lets the page run its own two scripts, by their hashes, and load
nothing at all.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from typing import Any

from deapnets.errors import PluginError
from deapnets.reports.charts import Chart


class Markup(str):
    """HTML: text that is escaped already."""

    __slots__ = ()


def markup(template: str, **parts: object) -> Markup:
    """Return a template with its parts: escaped, unless they are `Markup`; lists are joined."""
    return Markup(template.format_map({name: _part(part) for name, part in parts.items()}))


def joined(parts: Iterable[object]) -> Markup:
    """Return parts behind each other, each escaped unless it is `Markup`."""
    return Markup("\n".join(map(_part, parts)))


def _part(part: object) -> str:
    if isinstance(part, Markup):
        return part
    if isinstance(part, list | tuple):
        return joined(part)
    return html.escape(str(part))


def section(title: str, *parts: object) -> Markup:
    """Return a section with a heading; nothing when all its parts are empty."""
    content = [part for part in parts if part]
    return (
        markup("<section><h2>{title}</h2>\n{parts}</section>", title=title, parts=content)
        if content
        else Markup()
    )


def paragraph(text: object, kind: str = "") -> Markup:
    """Return a paragraph of a class."""
    return markup('<p class="{kind}">{text}</p>' if kind else "<p>{text}</p>", text=text, kind=kind)


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> Markup:
    """Return a table that scrolls by itself; numbers stand right."""
    head = [
        markup('<th class="{kind}">{name}</th>', kind=_kind(rows, at), name=name)
        for at, name in enumerate(header)
    ]
    body = [
        markup(
            "<tr>{cells}</tr>",
            cells=[
                markup('<td class="{kind}">{cell}</td>', kind=_kind(rows, at), cell=cell)
                for at, cell in enumerate(row)
            ],
        )
        for row in rows
    ]
    template = (
        '<div class="scroll"><table><thead><tr>{head}</tr></thead>'
        "<tbody>{body}</tbody></table></div>"
    )
    return markup(template, head=head, body=body) if rows else Markup()


def facts(pairs: Mapping[str, object]) -> Markup:
    """Return names and values, as many beside each other as there is room for."""
    template = "<div><dt>{name}</dt><dd>{value}</dd></div>"
    parts = [markup(template, name=name, value=value) for name, value in pairs.items()]
    return markup("<dl>{parts}</dl>", parts=parts) if parts else Markup()


def _kind(rows: Sequence[Sequence[object]], at: int) -> str:
    """Return the class of a column: numbers, or text that may be long."""
    cells = [str(row[at]) for row in rows]
    figures = all(cell[:1].isdigit() or cell[:1] in "-" for cell in cells if cell)
    return "n" if figures else "w"


def chart_of(chart: Chart | None, wide: bool = False) -> Markup:
    """Return the place of a chart, with its title and note; nothing where there is none."""
    if chart is None:
        return Markup()
    return markup(
        '<figure class="{kind}"><h3>{title}</h3>'
        '<div class="plot" id="{name}" style="height:{height}px"></div>{note}</figure>',
        kind="wide" if wide else "",
        title=chart.title,
        name=chart.name,
        height=chart.height,
        note=markup("<figcaption>{note}</figcaption>", note=chart.note) if chart.note else Markup(),
    )


def figures_of(parts: Iterable[Markup]) -> Markup:
    """Return figures beside each other, as many as there is room for."""
    found = [part for part in parts if part]
    return markup('<div class="figures">{found}</div>', found=found) if found else Markup()


def image(content: bytes, alt: str) -> Markup:
    """Return a PNG that is part of the page."""
    data = base64.b64encode(content).decode()
    return markup('<img src="data:image/png;base64,{data}" alt="{alt}">', data=data, alt=alt)


def page(title: str, content: Sequence[Markup], charts: Sequence[Chart]) -> str:
    """Return the whole page."""
    style, script = _resource("page.css"), _resource("page.js")
    library = plotly_script()
    policy = (
        f"default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; "
        f"script-src {_hash(library)} {_hash(script)}"
    )
    records = json.dumps(
        [chart.record() for chart in charts], separators=(",", ":"), allow_nan=False
    )
    return markup(
        _PAGE,
        policy=policy,
        title=title,
        style=Markup(style),
        content=list(content),
        charts=Markup(_in_script(records)),
        library=Markup(library),
        script=Markup(script),
    )


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{content}
<noscript><p>The curves are drawn by a script, which this browser does not run.</p></noscript>
<script type="application/json" id="charts">{charts}</script>
<script>{library}</script>
<script>{script}</script>
</body>
</html>
"""


def _in_script(text: str) -> str:
    """Return JSON that cannot end the script element it stands in."""
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _hash(script: str) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def plotly_script() -> str:
    """Return Plotly's own script, which draws the charts.

    Raises
    ------
    PluginError
        When Plotly is not installed.
    """
    try:
        package = resources.files("plotly")
        return (package / "package_data" / "plotly.min.js").read_text("utf-8")
    except (ImportError, OSError) as error:
        raise PluginError(
            "A report is drawn by Plotly, which is not installed: pip install plotly"
        ) from error


def _resource(name: str) -> str:
    return resources.files("deapnets.reports").joinpath(name).read_text("utf-8")


def plain(value: Any) -> str:
    """Return a JSON value as text in a table."""
    if value is None or value == []:
        return "-"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, dict):
        return ", ".join(f"{name} {plain(inner)}" for name, inner in value.items())
    return ", ".join(map(plain, value)) if isinstance(value, list) else str(value)
