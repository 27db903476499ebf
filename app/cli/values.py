"""The values that services take, from the command line."""

import argparse
import json
from typing import Any

from app.cli.parser import all_fields
from app.domain.errors import BadInput
from app.web.forms import shares, size_of, whole


def split(text: str) -> list[str]:
    """Parts between commas, white space around them left out."""
    return [part.strip() for part in text.split(",") if part.strip()]


def explain_values(args: argparse.Namespace, passages: list[str]) -> dict[str, Any]:
    """Values of an explanation from the command line."""
    given = {field.name: getattr(args, field.name) for field in all_fields()}
    target = {"name": args.target} | _given(args, ("label", "token", "neuron", "tokens"))
    return _given(args, ("max_length",)) | {
        "query": args.query,
        "passages": passages,
        "method": args.method,
        "params": {name: value for name, value in given.items() if value is not None},
        "target": target,
    }


def ablate_values(args: argparse.Namespace) -> dict[str, Any]:
    """Values of an ablation from the command line."""
    selection: dict[str, Any] = {"rank": args.rank, "part": args.part}
    size = {"fraction": args.share} if args.share is not None else size_of(args.top)
    selection |= {"neurons": split(args.neurons)} if args.rank == "hand" else size
    if args.layers:
        selection["layers"] = [whole("layers", layer.lstrip("Ll")) for layer in split(args.layers)]
    values: dict[str, Any] = {"selection": selection, "op": args.op, "seeds": args.seeds, "seed": args.seed}
    values |= {"patched": args.patched}
    values |= {"amount": args.amount} if args.op == "scale" else {}
    values |= {name: split(text) for name in ("curve", "doses") if (text := getattr(args, name)) is not None}
    return values | ({"segments": split(args.segments)} if args.segments else {})


def _spec(text: str) -> dict[str, Any]:
    """Settings given as JSON.

    Raises:
        BadInput: no JSON object.
    """
    try:
        found = json.loads(text)
    except ValueError as error:
        raise BadInput("a JSON object", str(error), "Correct --spec.", "spec") from error
    if not isinstance(found, dict):
        raise BadInput("a JSON object", type(found).__name__, "Correct --spec.", "spec")
    return found


def _given(args: argparse.Namespace, names: tuple[str, ...]) -> dict[str, Any]:
    """Options that were given."""
    return {name: getattr(args, name) for name in names if getattr(args, name) is not None}


def attribute_values(args: argparse.Namespace) -> dict[str, Any]:
    """Values of an attribution over a dataset."""
    values = _spec(args.spec)
    sample = _given(args, ("dataset", "relevance", "part", "limit", "threshold"))
    sample |= {"correct": False} if args.any else {}
    values |= {"sample": {**values.get("sample", {}), **sample}}
    return values | _given(args, ("average", "method", "max_length"))


def study_values(args: argparse.Namespace) -> dict[str, Any]:
    """Values of a study."""
    values = _spec(args.spec)
    evaluation = _given(args, ("dataset", "part", "queries", "depth"))
    values |= {"evaluation": {**values.get("evaluation", {}), **evaluation}} | _given(args, ("op", "amount", "seeds"))
    return values | {name: shares(name, text) for name, text in _given(args, ("fractions", "doses")).items()}
