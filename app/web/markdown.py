"""Markdown of reports and model cards as HTML that asks no other host for anything."""

from collections.abc import Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup, escape


def markdown(text: str, below: int = 0) -> Markup:
    """CommonMark with tables. Raw HTML is shown as text, pictures as their words; a YAML head is folded away.

    Args:
        text: the text. below: level of the page's heading that it stands under: its own highest ones come next; 0
            leaves them as they are.
    """
    head, body = _parted(text)
    metadata = f"<details><summary>Metadata</summary><pre>{escape(head)}</pre></details>" if head else ""
    parser = _parser()
    tokens = parser.parse(body)
    if below:
        _lower(tokens, below)
    return Markup(metadata + str(parser.renderer.render(tokens, parser.options, {})))


def _lower(tokens: Sequence[Token], below: int) -> None:
    """Put headings under one of level ``below``."""
    headings = [token for token in tokens if token.type in ("heading_open", "heading_close")]
    highest = min((int(token.tag[1]) for token in headings), default=1)
    for token in headings:
        token.tag = f"h{min(6, int(token.tag[1]) + below + 1 - highest)}"


def _parted(text: str) -> tuple[str, str]:
    """The YAML head, empty if there is none, and the rest."""
    if text.startswith("---\n") and "\n---\n" in text[4:]:
        head, body = text[4:].split("\n---\n", 1)
        return head, body
    return "", text


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    parser.add_render_rule("table_open", _table)
    parser.add_render_rule("table_close", lambda *_: "</table></div>\n")
    parser.add_render_rule("link_open", _link)
    return parser


def _table(*_: Any) -> str:
    return '<div class="tablebox"><table>\n'


def _link(self: Any, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
    """Links tell the other side nothing."""
    tokens[at].attrSet("rel", "noreferrer noopener")
    return str(self.renderToken(tokens, at, options, env))
