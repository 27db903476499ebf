"""Target scalars on logits (``nig.md`` section 3).

Axes: B rows, C logits.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from app.domain.errors import BadInput
from app.domain.targets import ResolvedTarget, TargetName

UNITS: dict[str, str] = {
    "probability": "probability",
    "log_probability": "log probability",
    "logit": "logit",
    "margin": "logit difference",
}


@dataclass(frozen=True)
class Target:
    """A number per row of logits.

    Args:
        resolved: what is explained, with nothing left open.
        columns: logit columns that compete; None for all of them.
        index: position of the explained one among ``columns``.
    """

    resolved: ResolvedTarget
    columns: tuple[int, ...] | None
    index: int

    def __call__(self, logits: Tensor) -> Tensor:
        """[B] target values from [B, C] logits; softmax in float32 or wider."""
        picked = self._picked(logits)
        if self.resolved.name == "logit":
            return picked[:, self.index]
        if self.resolved.name == "margin":
            return self._margin(picked)
        if picked.shape[1] == 1:
            log = torch.nn.functional.logsigmoid(picked[:, 0])
        else:
            log = torch.log_softmax(picked, dim=1)[:, self.index]
        return log if self.resolved.name == "log_probability" else self._probability(picked)

    def outcome(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        """([B] relevance score, [B] probability): the logit of one label, else the margin over the others."""
        picked = self._picked(logits)
        return self._margin(picked), self._probability(picked)

    def _picked(self, logits: Tensor) -> Tensor:
        wide = logits if logits.dtype is torch.float64 else logits.float()
        return wide if self.columns is None else wide[:, list(self.columns)]

    def _margin(self, picked: Tensor) -> Tensor:
        if picked.shape[1] == 1:
            return picked[:, 0]
        others = [column for column in range(picked.shape[1]) if column != self.index]
        return picked[:, self.index] - torch.logsumexp(picked[:, others], dim=1)

    def _probability(self, picked: Tensor) -> Tensor:
        if picked.shape[1] == 1:
            return torch.sigmoid(picked[:, 0])
        return torch.softmax(picked, dim=1)[:, self.index]


def label_target(name: TargetName, labels: Sequence[str], label: int | None, relevant: int | None) -> Target:
    """Target of a classification head.

    Raises:
        BadInput: no such label, or it is not known which one means relevant.
    """
    count = len(labels)
    index = 0 if count == 1 else label if label is not None else relevant
    if index is None:
        raise BadInput(
            "the number of the label that means 'relevant'",
            f"{count} labels: {', '.join(labels)}",
            "Choose one of them.",
            "label",
        )
    if index >= count or (label is not None and label >= count):
        raise BadInput(f"a label from 0 to {count - 1}", str(label), "Choose one of the model's labels.", "label")
    kind: TargetName = name if name != "default" else "logit" if count == 1 else "probability"
    sentence = f"relevance {UNITS[kind]} (index {index} of {count}, label '{labels[index]}')"
    if count == 1 and kind == "margin":
        raise BadInput("a margin between two labels", "one label", "Choose the logit or the probability.", "target")
    return Target(ResolvedTarget(name=kind, unit=UNITS[kind], sentence=sentence, label=index), None, index)


def token_pair_target(name: TargetName, ids: tuple[int, int], words: tuple[str, str]) -> Target:
    """Target of a yes/no model: ``ids`` are the positive and the negative token."""
    kind: TargetName = "probability" if name == "default" else name
    sentence = f"relevance {UNITS[kind]} (token '{words[0]}' against '{words[1]}', first decoder step)"
    resolved = ResolvedTarget(
        name=kind, unit=UNITS[kind], sentence=sentence, label=0, token_id=None, other_token_id=ids[1]
    )
    return Target(resolved, ids, 0)


def token_target(name: TargetName, token: int, word: str, why: str) -> Target:
    """Target of a causal model: the next token."""
    kind: TargetName = "probability" if name == "default" else name
    sentence = f"{UNITS[kind]} of the token '{word}' (id {token}, {why})"
    return Target(ResolvedTarget(name=kind, unit=UNITS[kind], sentence=sentence, token_id=token), None, token)
