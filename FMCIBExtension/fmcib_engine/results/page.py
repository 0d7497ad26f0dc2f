"""The parts of a report that is one HTML file and needs nothing beside it: no script, no font, no picture elsewhere."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1b1f24; background: #fff; max-width: 60rem; margin: 2rem auto;
  padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: 0; } h2 { font-size: 1.15rem; margin-top: 2rem; }
.first { border-left: 4px solid #0072B2; padding: 0.3rem 1rem; background: #f3f7fa; }
.caution { border-left: 4px solid #B3261E; padding: 0.3rem 1rem; background: #fdf3f2; }
.small { color: #555c64; font-size: 0.875rem; }
table { border-collapse: collapse; } th, td { text-align: left; padding: 0.25rem 0.9rem 0.25rem 0;
  border-bottom: 1px solid #d5dae0; vertical-align: top; } td.number { font-variant-numeric: tabular-nums; }
figure { display: inline-block; margin: 0.5rem 0.5rem 0.5rem 0; width: min(100%, 28rem); vertical-align: top; }
img { width: 100%; height: auto; }
"""


def document(title: str, parts: Iterable[str]) -> str:
    """The page: a title, and whatever parts are not empty."""
    body = "\n".join(part for part in parts if part)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        f'<meta name="viewport" content="width=device-width">\n<style>{_STYLE}</style>\n</head>\n<body>\n{body}\n'
        "</body>\n</html>\n"
    )


def section(heading: str, content: str) -> str:
    """A heading, and HTML below it."""
    return f"<h2>{escape(heading)}</h2>\n{content}"


def paragraph(text: str, kind: str = "") -> str:
    """Plain text as a paragraph; `kind` is first, caution or small."""
    return f'<p class="{kind}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def table_of(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; the first cell of each row names it."""
    top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in header)
    lines = []
    for first, *others in rows:
        cells = "".join(f'<td class="number">{escape(cell)}</td>' for cell in others)
        lines.append(f'<tr><th scope="row">{escape(first)}</th>{cells}</tr>')
    return f"<table>\n<thead><tr>{top}</tr></thead>\n<tbody>\n{chr(10).join(lines)}\n</tbody>\n</table>"


def figure(caption: str, svg: bytes) -> str:
    """A picture with its caption."""
    data = base64.b64encode(svg).decode("ascii")
    image = f'<img alt="{escape(caption)}" src="data:image/svg+xml;base64,{data}">'
    return f'<figure>{image}<figcaption class="small">{escape(caption)}</figcaption></figure>'
