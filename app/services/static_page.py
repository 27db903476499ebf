"""A run as one file that any browser opens without a server: what was found, its figures, and how it was made."""

import json
from collections.abc import Iterator
from html import escape
from importlib.resources import files
from typing import Any

from app import __version__
from app.domain.runs import Run
from app.figures.base import Figure
from app.figures.paper import sheet
from app.kinds.reporting import Report

ROWS = 200
"""Rows of a figure's table that stand on the page."""
POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1b2126; max-width: 960px; margin: 24px auto; padding: 0 16px; }
figure { margin: 0 0 32px; } table { border-collapse: collapse; font-size: 14px; } pre { white-space: pre-wrap; }
td, th { padding: 2px 12px 2px 0; text-align: left; vertical-align: top; border-bottom: 1px solid #dddcd6; }
.soft { color: #57606a; } .scroll { max-height: 320px; overflow: auto; } .found { font-size: 20px; }
"""
DRAW = """
document.querySelectorAll("figure").forEach(function (figure) {
  var plot = JSON.parse(figure.querySelector("script").textContent);
  Plotly.newPlot(figure.querySelector("div"), plot.data, plot.layout, { displayModeBar: false, responsive: true });
});
"""


def static_page(run: Run, report: Report[Any, Any]) -> str:
    """The page as HTML. Texts are escaped, nothing is fetched, and Plotly stands in it once."""
    return "\n".join(_parts(run, report))


def _parts(run: Run, report: Report[Any, Any]) -> Iterator[str]:
    figures = list(report.figures.values()) if report.ready else []
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{escape(run.title)} · Golgi</title>\n<style>{STYLE}</style>\n</head>\n<body>"
    yield f'<h1 dir="auto">{escape(run.title)}</h1>'
    yield f'<p class="soft">{escape(run.spec.kind)} · {escape(run.spec.model)} · {escape(run.state.value)} · made '
    yield f"{run.created:%Y-%m-%d %H:%M} UTC · fingerprint {escape(run.fingerprint)}</p>"
    yield from (f'<p class="found">{escape(told)}</p>' for told in report.sentences if told)
    yield from (f"<p><strong>Warning.</strong> {escape(told)}</p>" for told in report.warnings)
    yield from (_drawn(figure) for figure in figures)
    yield f"<h2>How it was made</h2>\n<p>{escape(report.paragraph)}</p>\n<pre>{escape(report.citation)}</pre>"
    settings = [(name, json.dumps(value, ensure_ascii=False)) for name, value in run.spec.settings.items()]
    told = [(name, str(value)) for name, value in run.environment.items()]
    yield _table(("setting", "value"), [*report.about, *settings, *told])
    yield f'<p class="soft">Written by Golgi {__version__}. The numbers lie beside this page in the bundle, which '
    yield "opens in any Golgi: on its page of runs, or with <code>golgi import FILE</code>.</p>"
    if figures:
        yield f"<script>{_plotly()}</script>\n<script>{DRAW}</script>"
    yield "</body>\n</html>\n"


def _plotly() -> str:
    script = files("frontend").joinpath("static", "plotly.min.js").read_text(encoding="utf-8")
    return script.replace("</script", "<\\/script")


def _drawn(figure: Figure) -> str:
    """A figure, what it is of, and its table, which is shut."""
    text = json.dumps(sheet(figure), ensure_ascii=False, allow_nan=False)
    safe = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    rows = figure.rows[:ROWS]
    more = "" if len(figure.rows) <= ROWS else f"<p>First {ROWS} of {len(figure.rows):,} rows.</p>"
    table = f'<div class="scroll">{_table(figure.columns, rows)}</div>{more}'
    folded = f"<details><summary>Table</summary>{table}</details>"
    plot = f'<div role="img" aria-label="{escape(figure.title)}"></div><script type="application/json">{safe}</script>'
    return f'<figure>{plot}<figcaption class="soft">{escape(figure.caption)}</figcaption>{folded}</figure>'


def _table(columns: tuple[str, ...], rows: Any) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    lines = ("".join(f'<td dir="auto">{escape(_cell(value))}</td>' for value in row) for row in rows)
    return (
        f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(f'<tr>{line}</tr>' for line in lines)}</tbody></table>"
    )


def _cell(value: Any) -> str:
    return "–" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
