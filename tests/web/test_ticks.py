"""Columns of boxes are seen: the style sheet hides the pickers' buttons only."""

import re

from app.web.page import FRONTEND


def test_no_rule_hides_the_boxes_of_tables() -> None:
    css = (FRONTEND / "static" / "app.css").read_text(encoding="utf-8")
    hidden = [rule for rule in re.findall(r"([^{}]+)\{[^}]*display: none", css) if ".pick" in rule]
    assert all(re.search(r"button\.pick", rule) for rule in hidden), hidden
