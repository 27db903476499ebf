"""What a form sent, as the values that services take; nothing of the texts is changed but line ends."""

from collections.abc import Mapping
from typing import Any

from starlette.datastructures import FormData, QueryParams

from app.domain.errors import BadInput
from app.services.forms import Field

SEPARATOR = "---"
Sent = FormData | QueryParams | Mapping[str, Any]


def passages_of(text: str, mode: str = "ranking") -> list[str]:
    """Passages as they stand. A ``pair`` is one passage; a ``ranking`` is cut at lines that hold only ``---``, else at
    empty lines."""
    whole_text = text.replace("\r\n", "\n")
    if mode != "ranking":
        return [whole_text]
    lines = whole_text.split("\n")
    marker = SEPARATOR if any(line.strip() == SEPARATOR for line in lines) else ""
    found: list[list[str]] = [[]]
    for line in lines:
        if line.strip() == marker:
            found.append([])
        else:
            found[-1].append(line)
    texts = ["\n".join(group) for group in found]
    return [passage for passage in texts if passage.strip()] or [whole_text]


def model_of(sent: Mapping[str, Any]) -> str:
    """The model's name: what was typed, else what was chosen."""
    return str(sent.get("other") or "").strip() or str(sent.get("model") or "")


def explain_values(sent: Sent, fields: tuple[Field, ...]) -> dict[str, Any]:
    """Values of an explanation. An unticked box is not sent, so ``flags`` says that the form had boxes.

    Raises:
        BadInput: a number field that holds no number.
    """
    query = str(sent.get("query", "")).replace("\r\n", "\n")
    passage, mode = str(sent.get("passages", "")), str(sent.get("form") or "pair")
    params = {f.name: _value(f, sent) for f in fields if f.name in sent or (f.kind == "flag" and "flags" in sent)}
    values: dict[str, Any] = {
        "query": query,
        "passages": [] if mode == "prompt" else passages_of(passage, mode),
        "method": str(sent.get("method") or "nig"),
        "params": params,
        "target": target_values(sent),
    }
    if str(sent.get("max_length", "")).strip():
        values["max_length"] = whole("max_length", sent["max_length"])
    return values


def target_values(sent: Sent) -> dict[str, Any]:
    """Values of a target; the fields of an inner neuron count only where its activation is asked for.

    Raises:
        BadInput: a label that is no whole number.
    """
    target: dict[str, Any] = {"name": str(sent.get("target") or "default")}
    if str(sent.get("label") or "").strip():
        target["label"] = whole("label", sent["label"])
    if str(sent.get("token") or ""):
        target["token"] = str(sent["token"])
    if target["name"] == "activation":
        target |= {name: text for name in ("neuron", "tokens") if (text := str(sent.get(name) or "").strip())}
    return target


def _value(field: Field, sent: Sent) -> Any:
    raw = sent.get(field.name)
    if field.kind == "flag":
        return raw in ("on", "true", "1", True)
    if field.kind == "whole number":
        return whole(field.name, raw)
    return _decimal(field.name, raw) if field.kind == "number" else raw


def whole(name: str, raw: Any) -> int:
    """A whole number.

    Raises:
        BadInput: it is not one.
    """
    try:
        return int(str(raw))
    except ValueError as error:
        raise BadInput(f"{name}: a whole number", f"'{str(raw)[:60]}'", f"Correct {name}.", name) from error


def _decimal(name: str, raw: Any) -> float:
    try:
        return float(str(raw))
    except ValueError as error:
        raise BadInput(f"{name}: a number", f"'{str(raw)[:60]}'", f"Correct {name}.", name) from error


def set_rule(sent: Any, runs: list[str]) -> dict[str, Any]:
    """The rule of a form: the same selection of every run, combined.

    Raises:
        BadInput: no run, or a size that is none.
    """
    if not runs:
        raise BadInput("at least one run", "none", "Tick runs to take neurons from, or paste ids.", "run")
    size = size_of(str(sent.get("size") or "1%"))
    how = str(sent.get("combine") or "all")
    if how.startswith("fuse_"):
        return {"op": "fused", "how": how.removeprefix("fuse_"), "runs": runs, "fraction": size.get("fraction", 0.01)}
    selection = {"rank": str(sent.get("rank") or "top"), "part": str(sent.get("part") or "all"), **size}
    tops: list[dict[str, Any]] = [{"op": "top", "run": run, "selection": selection} for run in runs]
    if len(tops) == 1:
        return tops[0]
    if how == "out_minus_in":
        inside = {str(text) for text in sent.getlist("inside")}
        own = [top for top, key in zip(tops, sent.getlist("run"), strict=True) if str(key) in inside]
        others = [top for top, key in zip(tops, sent.getlist("run"), strict=True) if str(key) not in inside]
        if not own or not others:
            raise BadInput("runs of both kinds", "only one", "Tick 'in-domain' at some of the chosen runs.", "inside")
        return {"op": "minus", "of": [{"op": "all", "of": others}, *own]}
    rule: dict[str, Any] = {"op": how, "of": tops}
    return rule | ({"k": whole("k", sent.get("k") or 2)} if how == "at_least" else {})


def attribute_values(sent: Any, fields: tuple[Field, ...]) -> dict[str, Any]:
    """Values of an attribution over a dataset.

    Raises:
        BadInput: a number field that holds no number.
    """
    params = {f.name: _value(f, sent) for f in fields if f.name in sent or (f.kind == "flag" and "flags" in sent)}
    sample: dict[str, Any] = {"dataset": str(sent.get("dataset") or ""), "correct": "correct" in sent}
    sample |= {name: str(sent[name]) for name in ("part", "relevance") if sent.get(name)}
    sample |= _wholes(sent, ("threshold", "limit", "seed"))
    if str(sent.get("split_seed") or ""):
        sample["split"] = {"seed": whole("split_seed", sent["split_seed"])}
    values: dict[str, Any] = {"sample": sample, "params": params, "method": str(sent.get("method") or "nig")}
    values |= {"average": str(sent.get("average") or "micro"), "target": target_values(sent)}
    return values | _wholes(sent, ("max_length",))


def _wholes(sent: Any, names: tuple[str, ...]) -> dict[str, int]:
    """Filled fields as whole numbers."""
    return {name: whole(name, sent[name]) for name in names if str(sent.get(name) or "").strip()}


def shares(name: str, text: str) -> list[float]:
    """``0.1 %, 1 %`` or ``0.001 0.01`` as shares.

    Raises:
        BadInput: something that is no number.
    """
    parts = [part for part in text.replace("%", "% ").replace(",", " ").split() if part]
    joined: list[str] = []
    for part in parts:
        if part == "%" and joined:
            joined[-1] += "%"
        else:
            joined.append(part)
    return [_decimal(name, part.rstrip("%")) / (100 if part.endswith("%") else 1) for part in joined]


def study_values(sent: Any) -> dict[str, Any]:
    """Values of a study.

    Raises:
        BadInput: a field that holds no number.
    """
    evaluation: dict[str, Any] = {"dataset": str(sent.get("dataset") or "")}
    evaluation |= {"part": str(sent["part"])} if sent.get("part") else {}
    evaluation |= _wholes(sent, ("queries", "depth", "threshold"))
    if str(sent.get("split_seed") or ""):
        evaluation["split"] = {"seed": whole("split_seed", sent["split_seed"])}
    values: dict[str, Any] = {"evaluation": evaluation, "sets": [int(n) for n in sent.getlist("set") if n.isdigit()]}
    values |= {"fractions": shares("fractions", str(sent["fractions"]))} if sent.get("fractions") else {}
    values |= {"doses": shares("doses", str(sent["doses"]))} if sent.get("doses") else {}
    values |= {"op": str(sent.get("op") or "zero"), **_wholes(sent, ("seeds", "seed", "max_length"))}
    if values["op"] == "scale":
        values["amount"] = _decimal("amount", sent.get("amount") or "0.5")
    segments = [text for text in sent.getlist("segments") if text]
    return values | ({"segments": segments} if segments else {})


def ablate_values(sent: Any) -> dict[str, Any]:
    """Values of an ablation.

    Raises:
        BadInput: a size that is neither a count nor a percentage.
    """
    rank = "hand" if sent.get("picked") else str(sent.get("rank") or "top")
    selection: dict[str, Any] = {"rank": rank, "part": str(sent.get("part") or "all")}
    if rank == "hand":
        picked = [*sent.getlist("neuron"), *str(sent.get("neurons", "")).replace(",", "\n").split("\n")]
        selection["neurons"] = [text.strip() for text in picked if text.strip()]
    else:
        selection |= size_of(str(sent.get("size") or "1%"))
    layers = [text for text in str(sent.get("layers", "")).replace(",", " ").split() if text]
    if layers:
        selection["layers"] = [whole("layers", text.lstrip("Ll")) for text in layers]
    segments = [text for text in sent.getlist("segments") if text]
    values: dict[str, Any] = {"selection": selection, "op": str(sent.get("op") or "zero")}
    if values["op"] == "scale":
        values["amount"] = _decimal("amount", sent.get("amount") or "0.5")
    if segments:
        values["segments"] = segments
    return values | _wholes(sent, ("patched",))


def size_of(text: str) -> dict[str, Any]:
    """``1%`` as a share, ``25`` as a count.

    Raises:
        BadInput: neither.
    """
    wanted = text.strip()
    if wanted.endswith("%"):
        share = _decimal("size", wanted[:-1]) / 100
        if not 0 < share <= 1:
            raise BadInput("a percentage above 0 and up to 100", f"'{wanted}'", "Write for example 1%.", "size")
        return {"fraction": share}
    count = whole("size", wanted)
    if count < 1:
        raise BadInput("at least one neuron", f"'{wanted}'", "Write a count such as 25, or a share such as 1%.", "size")
    return {"count": count}
