"""What a form of one query would ask, told before it is sent: the tokens of every answer."""

from dataclasses import dataclass

from app.domain.examples import Example
from app.domain.model_at_hand import Model
from app.domain.query_sampling import BLANKS
from app.domain.variants import WAYS, Variant
from app.kinds.desk import Desk
from app.kinds.locate.question import KEY, LocateQuestion
from app.kinds.timings import Speed
from app.models.chat import as_read


@dataclass(frozen=True)
class AnswerTokens:
    """A wording's answer as tokens. ``blank``: its prompt ends with one. ``finds``: it finds neurons."""

    number: int
    target: str
    ways: tuple[tuple[str, Variant], ...]
    blank: bool
    finds: bool


@dataclass(frozen=True)
class LocatePreview:
    """The answers of all wordings, how they are read, and the rows that they take at most through the model."""

    answers: tuple[AnswerTokens, ...]
    how: str
    passes: int
    speed: Speed | None

    @property
    def seconds(self) -> float | None:
        """By the speed of the model on this machine; None where that is not known."""
        return None if self.speed is None else self.speed.seconds * self.passes


def preview(question: LocateQuestion, model: Model, passes: int, desk: Desk) -> LocatePreview:
    """What a question with nothing left open would ask; ``passes`` is what its method takes for each prompt."""
    answers = []
    read = as_read(desk.hosts.encoder(model.place).tokenizer, question.query, question.chat)
    for number, wording in enumerate(read, start=1):
        ways = desk.variants(model, Example("0", wording.prompt), wording.target)
        named = tuple((WAYS[way.blank], way) for way in ways)
        ends = not question.chat and wording.prompt != wording.prompt.rstrip()
        answers.append(AnswerTokens(number, wording.target, named, ends, number <= question.finding))
    speed = desk.speed(model.info.slug, KEY, question.method)
    return LocatePreview(tuple(answers), BLANKS[question.blank], passes * question.finding, speed)
