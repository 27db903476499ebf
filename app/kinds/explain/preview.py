"""What a form would explain, told before it is sent: the target, the token counts with the cut, and the time."""

from dataclasses import dataclass

from app.domain.counting import counted
from app.domain.examples import FIRST_SEGMENTS, SECOND_SEGMENTS, Seen
from app.domain.model_at_hand import Model
from app.domain.variants import Variant
from app.kinds.desk import Desk
from app.kinds.explain.question import KEY, ExplainQuestion
from app.kinds.timings import Speed

AROUND = 36
SHORTEST = 8


@dataclass(frozen=True)
class Count:
    """Tokens of one input. ``kept`` and ``lost`` are the texts on both sides of the cut, ``lost`` first where the
    beginning goes; ``marks`` names what a reader overlooks (leading spaces, line breaks)."""

    seen: Seen
    kept: str
    lost: str
    marks: str


@dataclass(frozen=True)
class Separation:
    """How passages were told apart, in a sentence; ``doubtful`` where several may have been meant and one was seen."""

    told: str
    doubtful: bool


@dataclass(frozen=True)
class Preview:
    """What the line under the texts says. ``tokens`` are those of an answer that was asked for, of which the first is
    explained; ``variants`` are it behind the prompt, with a blank in front and without; ``separation`` is there
    where several passages can be given; ``first`` and ``second`` are what the texts are called."""

    target: str
    tokens: tuple[str, ...]
    variants: tuple[Variant, ...]
    separation: Separation | None
    counts: tuple[Count, ...]
    estimate: str
    first: str
    second: str


def preview(question: ExplainQuestion, model: Model, passes: int, separation: Separation | None, desk: Desk) -> Preview:
    """What a question with nothing left open would ask; ``passes`` is what its method takes for each input."""
    texts = question.passages or (question.query,)
    seen = [desk.seen(model, example, question.max_length) for example in question.examples]
    form = "pair" if question.passages else "prompt"
    reading = desk.reading(model.info, form)
    return Preview(
        target=desk.target_sentence(model.info, question.target, form),
        tokens=desk.asked_tokens(model, question.target, question.examples),
        variants=desk.variants(model, question.examples[0], question.target.token or ""),
        separation=separation,
        counts=tuple(_count(one, text) for one, text in zip(seen, texts, strict=True)),
        estimate=estimate(desk.speed(model.info.slug, KEY, question.method), passes * len(texts)),
        first=reading.first,
        second=reading.second or "",
    )


def _count(seen: Seen, text: str) -> Count:
    second = any(token.segment in SECOND_SEGMENTS for token in seen.tokens) or bool(seen.cut_passage)
    own = SECOND_SEGMENTS if second else FIRST_SEGMENTS
    if not (seen.cut_passage if second else seen.cut_query):
        return Count(seen, "", "", marks(text))
    if seen.side == "beginning":
        at = min((token.start for token in seen.tokens if token.segment in own), default=len(text))
        return Count(seen, text[at : at + AROUND], text[max(0, at - AROUND) : at], marks(text))
    at = max((token.end for token in seen.tokens if token.segment in own), default=0)
    return Count(seen, text[max(0, at - AROUND) : at], text[at : at + AROUND], marks(text))


def marks(text: str) -> str:
    """White space that is kept and easily overlooked."""
    body = text.strip()
    counts = [
        (len(text) - len(text.lstrip()) if body else 0, "leading blank"),
        (len(text) - len(text.rstrip()) if body else 0, "trailing blank"),
        (body.count("\n"), "line break"),
        (body.count("\t"), "tab"),
    ]
    return ", ".join(counted(count, name) for count, name in counts if count)


def estimate(speed: Speed | None, rows: int) -> str:
    """Time of so many row passes, by the runs of the model on this machine."""
    if speed is None:
        return "no timing yet for this model on this machine"
    seconds = speed.seconds * rows
    length = f"{seconds:.0f} s" if seconds >= 1.5 else "1 s"
    return f"about {length} on {speed.device}, going by {speed.words}; more where steps are doubled"
