"""What a form would ask, told before it is sent: the target, the token counts with the cut, and the time."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.domain.errors import BadInput, GolgiError
from app.domain.examples import Seen
from app.domain.targets import TARGETS, TargetSpec
from app.services.container import Services
from app.services.pages import RunsView
from app.web.forms import passages_of, target_values, whole

AROUND = 36
CONTENT = ("passage", "prompt", "query")


@dataclass(frozen=True)
class Count:
    """Tokens of one input. ``kept`` and ``lost`` are the texts on both sides of the cut; ``marks`` names what a
    reader overlooks (leading spaces, line breaks)."""

    seen: Seen
    kept: str
    lost: str
    marks: str


@dataclass(frozen=True)
class Preview:
    """What the line under the texts says; ``problem`` instead of the rest where something is wrong."""

    target: str
    counts: tuple[Count, ...]
    estimate: str
    problem: GolgiError | None


def preview(asked: Services, sent: Mapping[str, Any]) -> Preview:
    """The preview of a form."""
    model, query, mode = str(sent.get("model", "")), str(sent.get("query", "")), str(sent.get("form") or "pair")
    try:
        texts = [None] if mode == "prompt" else passages_of(str(sent.get("passages", "")), mode)
        limit = whole("max_length", sent.get("max_length") or 256)
        counts = tuple(_count(asked.catalogue.seen(model, query, text, limit), query, text) for text in texts)
        told = asked.catalogue.target_sentence(model, _target(sent))
        timed = asked.pages.list({"model": model, "kind": "explain", "state": "done"}, "new")
        return Preview(told, counts, estimate(timed, whole("steps", sent.get("steps") or 50), len(texts)), None)
    except GolgiError as error:
        return Preview("", (), "", error)


def _target(sent: Mapping[str, Any]) -> TargetSpec:
    asked = target_values(sent)
    if asked["name"] not in TARGETS:
        raise BadInput(f"one of {', '.join(TARGETS)}", f"'{asked['name']}'", "Choose one of them.", "target")
    return TargetSpec.model_validate(asked)


def _count(seen: Seen, query: str, passage: str | None) -> Count:
    text = query if passage is None else passage
    ends = [token.end for token in seen.tokens if token.segment == ("prompt" if passage is None else "passage")]
    at = max(ends, default=0)
    cut = bool(seen.cut_passage or (passage is None and seen.cut_query))
    kept, lost = (text[max(0, at - AROUND) : at], text[at : at + AROUND]) if cut else ("", "")
    return Count(seen, kept, lost, marks(text))


def marks(text: str) -> str:
    """White space that is kept and easily overlooked."""
    body = text.strip()
    found = [
        (len(text) - len(text.lstrip()) if body else 0, "leading white space"),
        (len(text) - len(text.rstrip()) if body else 0, "trailing white space"),
        (body.count("\n"), "line breaks"),
        (body.count("\t"), "tabs"),
    ]
    return ", ".join(f"{count} {name}" for count, name in found if count)


def estimate(timed: RunsView, steps: int, inputs: int) -> str:
    """Time of a run of ``inputs`` inputs with ``steps`` intervals, going by the newest timed run of the same model."""
    for run in timed.runs:
        passes = run.plan.get("passes", 0) * run.plan.get("items", 0)
        if run.seconds and passes and not run.recorded:
            seconds = run.seconds / passes * (steps + 1) * max(1, inputs)
            device = run.environment.get("device", "")
            told = f"{seconds:.0f} s" if seconds >= 1.5 else "1 s"
            return f"about {told} on {device}, going by run {run.id}; more where steps are doubled"
    return "no timing yet for this model on this machine"
