"""Markdown asks no other host and runs nothing."""

from app.web.markdown import markdown


def test_what_a_card_needs_is_rendered() -> None:
    html = str(markdown("---\nlicense: mit\n---\n# Title\n\n| a | b |\n|---|---|\n| 1 | *x* |\n"))
    assert "<summary>Metadata</summary><pre>license: mit</pre>" in html
    assert "<h1>Title</h1>" in html and "<td>1</td>" in html and "<em>x</em>" in html
    assert '<div class="tablebox"><table>' in html and "</table></div>" in html


def test_nothing_is_run_or_fetched() -> None:
    text = (
        "<script>alert(1)</script> ![badge](https://example.org/a.png) [go](javascript:alert(1)) [out](https://x.org)"
    )
    html = str(markdown(text))
    assert "<script" not in html and "<img" not in html and 'href="javascript' not in html
    assert '<a href="https://x.org" rel="noreferrer noopener">out</a>' in html
    assert "&lt;i&gt;" in str(markdown("---\na: <i>\n---\nb"))
