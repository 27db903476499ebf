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
    target: dict[str, Any] = {"name": sent.get("target") or "default"}
    if str(sent.get("label", "")).strip():
        target["label"] = whole("label", sent["label"])
    if str(sent.get("token", "")):
        target["token"] = str(sent["token"])
    values: dict[str, Any] = {
        "query": query,
        "passages": [] if mode == "prompt" else passages_of(passage, mode),
        "method": str(sent.get("method") or "nig"),
        "params": params,
        "target": target,
    }
    if str(sent.get("max_length", "")).strip():
        values["max_length"] = whole("max_length", sent["max_length"])
    return values


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
    return values


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
