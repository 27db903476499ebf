"""The README says what the code has."""

import argparse
import re
from pathlib import Path

from app.cli.commands import COMMANDS
from app.cli.parser import parser
from app.methods.base import methods
from app.models.architectures import architectures
from app.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return README.split(f"## {title}\n")[1].split("\n## ")[0]


def first_cells(title: str) -> set[str]:
    return {cell.strip("`") for cell in re.findall(r"^\| (`[^|]+`) \|", section(title), flags=re.MULTILINE)}


def test_settings() -> None:
    assert first_cells("Settings") == set(Settings.model_fields)
    assert all(field.description for field in Settings.model_fields.values())


def test_commands() -> None:
    actions = [a for a in parser()._actions if isinstance(a, argparse._SubParsersAction)]
    assert (
        first_cells("Commands") == {f"golgi {name}" for name in actions[0].choices} == {f"golgi {n}" for n in COMMANDS}
    )


def test_methods() -> None:
    assert first_cells("Methods") == set(methods())


def test_families() -> None:
    listed = {
        name.strip()
        for row in re.findall(r"^\| [^|`]+ \| ([^|]+) \|$", section("Model families"), flags=re.MULTILINE)
        for name in row.split(",")
    }
    assert {family.family for family in architectures()} <= listed


def test_exactly_two_set_up_commands() -> None:
    commands = [line for line in section("Set up").splitlines() if line.startswith("pip ")]
    assert commands == ["pip install -e . && golgi serve", "pip install -e '.[test]' && pytest"]


def test_linked_files_exist() -> None:
    for target in re.findall(r"\]\(([^)]+)\)", README):
        assert (ROOT / target).exists(), target
