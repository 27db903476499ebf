"""What the commands take; options of methods are read off their declared settings."""

import argparse
from pathlib import Path

from app import __version__
from app.domain.interventions import OP_TITLES, Op
from app.domain.targets import TARGETS
from app.methods.base import methods
from app.services.exports import FORMATS
from app.services.forms import Field, fields_of


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
    _explain(commands.add_parser("explain", parents=[shared], help="explain a query with passages, or a prompt"))
    _ablate(commands.add_parser("ablate", parents=[shared], help="switch neurons of an explained run off"))
    check = commands.add_parser("check-model", parents=[shared], help="load a model and run its self-checks")
    check.add_argument("model", help="folder, alias or hub id")
    export = commands.add_parser("export", parents=[shared], help="write a run in another format")
    export.add_argument("run", help="number or fingerprint")
    export.add_argument("--format", choices=sorted(FORMATS), default="csv")
    export.add_argument("-o", "--output", type=Path, help="file; standard output when left out")
    _attribute(commands.add_parser("attribute", parents=[shared], help="which neurons matter over a dataset"))
    _study(commands.add_parser("study", parents=[shared], help="switch neuron sets off on a dataset"))
    _import(commands.add_parser("import-data", parents=[shared], help="bring a dataset in"))
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


def _attribute(command: argparse.ArgumentParser) -> None:
    command.add_argument("--model", default="golgi-demo-reranker")
    command.add_argument("--dataset", help="name of a stored dataset")
    command.add_argument("--relevance", choices=["relevant", "non_relevant"], help="class of the pairs")
    command.add_argument("--part", choices=["attribution", "selection", "test", "all"], help="part of the split")
    command.add_argument("--limit", type=int, help="at most this many pairs")
    command.add_argument("--threshold", type=int, help="lowest grade that counts as relevant")
    command.add_argument("--any", action="store_true", help="also pairs that the model classes otherwise")
    command.add_argument("--average", choices=["micro", "macro"], help="mean over pairs, or over queries")
    command.add_argument("--method", choices=list(methods()), help="of attribution")
    command.add_argument("--max-length", type=int, help="tokens")
    command.add_argument("--spec", default="{}", help="any settings as a JSON object; the options above go before it")
    command.add_argument("--json", action="store_true", help="print the run as JSON")


def _study(command: argparse.ArgumentParser) -> None:
    command.add_argument("--model", default="golgi-demo-reranker")
    command.add_argument("--dataset", help="name of the stored dataset that is re-ranked")
    command.add_argument("--sources", default="", help="runs whose rankings are cut: numbers or fingerprints")
    command.add_argument("--sets", default="", help="numbers of saved neuron sets")
    command.add_argument("--part", choices=["attribution", "selection", "test", "all"], help="part of the split")
    command.add_argument("--queries", type=int, help="at most this many")
    command.add_argument("--depth", type=int, help="candidates per query")
    command.add_argument("--fractions", help="sizes as shares of all neurons: 0.001,0.01")
    command.add_argument("--doses", help="factors of a dose-response curve: 0,0.5,1.5")
    command.add_argument("--op", choices=[op.value for op in OP_TITLES], help="what happens to the neurons")
    command.add_argument("--amount", type=float, help="the factor of --op scale")
    command.add_argument("--seeds", type=int, help="random sets per set")
    command.add_argument("--no-controls", action="store_true", help="leave out rankings by activation and the like")
    command.add_argument("--spec", default="{}", help="any settings as a JSON object; the options above go before it")
    command.add_argument("--json", action="store_true", help="print the run as JSON")


def _serve(command: argparse.ArgumentParser) -> None:
    command.add_argument("--host", help="address to listen on; others than loopback need GOLGI_TOKEN")
    command.add_argument("--port", type=int, help="port to listen on")
    command.add_argument("--no-worker", action="store_true", help="pages only; run 'golgi worker' beside it")


def _explain(command: argparse.ArgumentParser) -> None:
    command.add_argument("--model", default="golgi-demo-reranker")
    command.add_argument("--query", required=True, help="query, or the whole prompt of a causal model")
    command.add_argument("--passage", action="append", default=[], help="may be given up to 50 times")
    command.add_argument("--passages-file", type=Path, help="passages with lines of --- between them")
    command.add_argument("--method", choices=[m.key for m in methods().values() if not m.control], default="nig")
    command.add_argument("--target", default="default", help=", ".join(TARGETS))
    command.add_argument("--label", type=int, help="number of the logit that means relevant")
    command.add_argument("--token", help="causal models: the continuation explained")
    command.add_argument("--neuron", help="target activation: the neuron explained, as L3.mid.1201")
    command.add_argument("--tokens", help="target activation: only tokens of this part, as passage")
    command.add_argument("--max-length", type=int, help="tokens; the model's own, at most 256, when left out")
    command.add_argument("--json", action="store_true", help="print the run as JSON")
    for field in all_fields():
        flag = "--" + field.name.replace("_", "-")
        if field.kind == "flag":
            command.add_argument(flag, action=argparse.BooleanOptionalAction, default=None, help=field.about)
        else:
            command.add_argument(flag, default=None, help=field.about, choices=field.choices or None)


def all_fields() -> tuple[Field, ...]:
    """Settings of every method, each name once."""
    found: dict[str, Field] = {}
    for method in methods().values():
        for field in fields_of(method.Params):
            found.setdefault(field.name, field)
    return tuple(found.values())


def _ablate(command: argparse.ArgumentParser) -> None:
    command.add_argument("run", help="number or fingerprint of an explained run")
    command.add_argument("--rank", choices=["top", "bottom", "abs", "small", "hand"], default="top")
    command.add_argument("--top", default="1%", metavar="SIZE", help="how many: 25, or 1%%")
    command.add_argument("--share", type=float, help="how many as a share of all neurons, instead of --top: 0.01")
    command.add_argument("--neurons", default="", help="ids for --rank hand: L3.mid.1201,L0.mid.7")
    command.add_argument("--layers", default="", help="only these layers: 0,3,5")
    command.add_argument("--part", default="all", help="part of the input whose scores rank")
    command.add_argument("--op", choices=[op.value for op in OP_TITLES if op is not Op.RESAMPLE], default="zero")
    command.add_argument("--amount", type=float, default=0.5, help="the factor of --op scale")
    command.add_argument("--segments", default="", help="edit at tokens of these parts only: query,passage")
    command.add_argument("--seeds", type=int, default=10, help="random sets")
    command.add_argument("--seed", type=int, default=0, help="of the first random set")
    command.add_argument(
        "--patched", type=int, default=0, help="neurons of each kind patched one by one, for example 100"
    )
    command.add_argument("--curve", help="sizes of the removal curve as shares of all neurons: 0.001,0.01,0.1")
    command.add_argument("--doses", help="factors of the dose-response curve: 0,0.5,1,2")
    command.add_argument("--json", action="store_true", help="print the run as JSON")
