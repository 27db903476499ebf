"""What a form would explain, told before it is sent: the target, the token counts with the cut, and the time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.domain.bounds import whole
from app.domain.errors import BadInput, GolgiError
from app.domain.examples import FIRST_SEGMENTS, SECOND_SEGMENTS, Example, Seen
from app.domain.runs import Run
from app.domain.targets import TARGETS, TargetSpec
from app.forms.fields import Field, validated
from app.forms.read import Given, read
from app.kinds.desk import Desk
from app.kinds.explain.question import KEY

AROUND = 36
SHORTEST = 8


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


def preview(given: Given, fields: Mapping[str, Field], desk: Desk) -> Preview:
    """The preview of a form whose passages are cut already."""
    try:
        model, query = _last(given, "model"), _last(given, "query").replace("\r\n", "\n")
        passages: Sequence[str | None] = given.get("passages") or [None]
        limit = whole("max_length", _last(given, "max_length") or 256, lowest=SHORTEST)
        encoder = desk.hosts.encoder(desk.place(model))
        counts = tuple(
            _count(encoder.seen(Example("0", query, text), limit), query if text is None else text) for text in passages
        )
        info = desk.inspect(model)
        form = "prompt" if passages[0] is None else "pair"
        sentence = desk.target_sentence(info, _target(given, fields), form)
        steps = whole("steps", _last(given, "steps") or 50, lowest=1)
        timed = desk.timed(info.slug, (KEY,))
        return Preview(sentence, counts, estimate(timed, steps, len(passages)), None)
    except GolgiError as error:
        return Preview("", (), "", error)


def _last(given: Given, name: str) -> str:
    texts = given.get(name)
    return texts[-1] if texts else ""


def _target(given: Given, fields: Mapping[str, Field]) -> TargetSpec:
    """The target of a form; the fields of an inner neuron count only where its activation is asked for."""
    values = read([field for field in fields.values() if field.path[0] == "target"], given).get("target", {})
    if values.get("name", "default") not in TARGETS:
        raise BadInput(f"one of {', '.join(TARGETS)}", f"'{values['name']}'", "Choose one of them.", "target")
    return validated(TargetSpec, values, tuple(fields.values()))


def _count(seen: Seen, text: str) -> Count:
    second = any(token.segment in SECOND_SEGMENTS for token in seen.tokens) or bool(seen.cut_passage)
    own = SECOND_SEGMENTS if second else FIRST_SEGMENTS
    at = max((token.end for token in seen.tokens if token.segment in own), default=0)
    cut = bool(seen.cut_passage if second else seen.cut_query)
    kept, lost = (text[max(0, at - AROUND) : at], text[at : at + AROUND]) if cut else ("", "")
    return Count(seen, kept, lost, marks(text))


def marks(text: str) -> str:
    """White space that is kept and easily overlooked."""
    body = text.strip()
    counts = [
        (len(text) - len(text.lstrip()) if body else 0, "leading white space"),
        (len(text) - len(text.rstrip()) if body else 0, "trailing white space"),
        (body.count("\n"), "line breaks"),
        (body.count("\t"), "tabs"),
    ]
    return ", ".join(f"{count} {name}" for count, name in counts if count)


def estimate(timed: Sequence[Run], steps: int, inputs: int) -> str:
    """Time of a run of ``inputs`` inputs with ``steps`` intervals, going by the newest timed run of the same model."""
    for run in timed:
        passes = run.plan.get("passes", 0) * run.plan.get("items", 0)
        if run.seconds and passes:
            seconds = run.seconds / passes * (steps + 1) * max(1, inputs)
            device = run.environment.get("device", "")
            length = f"{seconds:.0f} s" if seconds >= 1.5 else "1 s"
            return f"about {length} on {device}, going by run {run.id}; more where steps are doubled"
    return "no timing yet for this model on this machine"
