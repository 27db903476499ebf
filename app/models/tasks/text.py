"""A classification head over one text: sentiment, topic, any labels."""

from typing import Any, ClassVar

from torch import Tensor
from transformers import AutoModelForSequenceClassification

from app.domain.model_card import Readable
from app.domain.targets import TargetName, TargetSpec
from app.models.classifiers import classified
from app.models.encoding import Batch
from app.models.targets import UNITS, Target, label_target
from app.models.tasks.base import AnswerField, Answers, Task, agreed


class Text(Task):
    """One text, and the label asked for or predicted."""

    key: ClassVar[str] = "text"
    title: ClassVar[str] = "classifier of a single text"
    heads: ClassVar[tuple[str, ...]] = ("ForSequenceClassification",)
    loader: ClassVar[Any] = AutoModelForSequenceClassification
    first: ClassVar[str] = "text"
    segments: ClassVar[tuple[str, ...]] = ("special", "text")
    asks: ClassVar[tuple[AnswerField, ...]] = ("label",)
    labelled: ClassVar[bool] = True
    order: ClassVar[int] = 1

    def logits(self, model: Any, batch: Batch) -> Tensor:
        """[B, C] a logit for each label."""
        return classified(model, batch)

    def answer(self, spec: TargetSpec, host: Answers, batch: Batch | None) -> Target:
        """A number of the label asked for, or of the one that the model predicts for these inputs.

        Raises:
            BadInput: inputs of one batch for which it predicts different labels.
        """
        labels = host.card.labels
        if spec.label is not None or len(labels) == 1:
            return label_target(spec.name, labels, spec.label or 0, _sentence)
        if batch is None:
            return label_target(spec.name, labels, 0, _sentence, "to be predicted")
        predicted = agreed(host.run(batch, None).logits.argmax(1).tolist(), "label")
        return label_target(spec.name, labels, predicted, _sentence, "predicted by the model")

    def foretold(self, spec: TargetSpec, info: Readable) -> str:
        """The label, if it was asked for."""
        target = label_target(spec.name, info.labels, spec.label or 0, _sentence)
        if spec.label is not None or len(info.labels) == 1:
            return target.resolved.sentence
        return f"{target.resolved.unit} of the label that the model predicts, one of {', '.join(info.labels)}"

    def complete(self, spec: TargetSpec, info: Readable) -> TargetSpec:
        """Of a single label there is no choice."""
        label = 0 if len(info.labels) == 1 else spec.label
        return super().complete(spec, info).model_copy(update={"label": label})


def _sentence(kind: TargetName, what: str) -> str:
    return f"{UNITS[kind]} of the label ({what})"


TASK = Text()
