"""Tables of results, written into the pages that show them."""

from pathlib import Path

RESULTS = Path(__file__).parent.parent / "docs" / "results.md"
"""The page of most tables."""

_END = "<!-- end -->"


def publish(text: str, begin: str, page: Path = RESULTS) -> None:
    """Put a text between two marks of a page, ``begin`` and the next end; without them, nowhere."""
    whole = page.read_text(encoding="utf-8")
    before, found, rest = whole.partition(begin)
    if found:
        _, _, after = rest.partition(_END)
        page.write_text(f"{before}{begin}\n{text}\n{_END}{after}", encoding="utf-8")
