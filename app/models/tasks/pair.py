"""A classification head over two texts: a re-ranker's query with a passage, or a premise with a hypothesis."""

from typing import Any, ClassVar

from torch import Tensor
from transformers import AutoModelForSequenceClassification

from app.domain.errors import BadInput
from app.domain.examples import PAIR_SEGMENTS
from app.domain.model_card import Readable
from app.domain.targets import TARGETS, TargetSpec
from app.models.classifiers import classified
from app.models.encoding import Batch
from app.models.targets import Target, label_target, relevance_of
from app.models.tasks.base import AnswerField, Answers, Task


class Pair(Task):
    """Two texts, and the label that means 'relevant'."""

    key: ClassVar[str] = "pair"
    title: ClassVar[str] = "classifier of a pair of texts: a re-ranker, or any labels"
    heads: ClassVar[tuple[str, ...]] = ("ForSequenceClassification",)
    loader: ClassVar[Any] = AutoModelForSequenceClassification
    first: ClassVar[str] = "query"
    second: ClassVar[str | None] = "passage"
    segments: ClassVar[tuple[str, ...]] = PAIR_SEGMENTS
    asks: ClassVar[tuple[AnswerField, ...]] = ("label",)
    targets: ClassVar[tuple[str, ...]] = TARGETS
    labelled: ClassVar[bool] = True

    def logits(self, model: Any, batch: Batch) -> Tensor:
        """[B, C] a logit for each label."""
        return classified(model, batch)

    def answer(self, spec: TargetSpec, host: Answers, batch: Batch | None) -> Target:
        """A number of the label asked for, or of the one that means 'relevant'."""
        return _target(spec, host.card)

    def foretold(self, spec: TargetSpec, info: Readable) -> str:
        """All of it is known from the labels."""
        return _target(spec, info).resolved.sentence

    def complete(self, spec: TargetSpec, info: Readable) -> TargetSpec:
        """The label that means 'relevant' is written out."""
        label = spec.label if spec.label is not None else info.relevant_label
        return super().complete(spec, info).model_copy(update={"label": label})


def _target(spec: TargetSpec, info: Readable) -> Target:
    count = len(info.labels)
    label = spec.label if spec.label is not None else 0 if count == 1 else info.relevant_label
    if label is None:
        raise BadInput(
            "the number of the label that means 'relevant'",
            f"{count} labels: {', '.join(info.labels)}",
            "Choose one of them.",
            "label",
        )
    return label_target(spec.name, info.labels, label, relevance_of)


TASK = Pair()
