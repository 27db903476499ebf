"""Target scalars on logits, and of an inner neuron (``nig.md`` sections 3 and 18).

Axes: B rows, C logits, T tokens, U units.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from app.domain.errors import BadInput
from app.domain.model_card import ModelCard
from app.domain.sites import NeuronIndex, NeuronSpace, Site, SiteKind
from app.domain.targets import ResolvedTarget, TargetName
from app.models.encoding import Batch

UNITS: dict[str, str] = {
    "probability": "probability",
    "log_probability": "log probability",
    "logit": "logit",
    "margin": "logit difference",
    "pairwise": "probability",
    "activation": "activation",
}


@dataclass(frozen=True)
class Target:
    """A number per row of logits.

    Args:
        resolved: what is explained, with nothing left open.
        columns: logit columns that compete; None for all of them.
        index: position of the explained one among ``columns``.
        neuron: the inner neuron whose activation is the number instead; None for the answer's.
        tokens: the part whose tokens that activation is summed over; None for all tokens.
        rows: rows that have one number together: 2 for a pairwise target, whose rows come as first, second, first, ...
    """

    resolved: ResolvedTarget
    columns: tuple[int, ...] | None
    index: int
    neuron: NeuronIndex | None = None
    tokens: str | None = None
    rows: int = 1

    @property
    def site(self) -> Site | None:
        """The tensor that an inner target reads."""
        return None if self.neuron is None else self.neuron.site

    def scored(self, space: NeuronSpace) -> NeuronSpace:
        """The neurons of a space that get a score; see :meth:`TargetSpec.scored`."""
        return space if self.neuron is None else space.below(self.neuron.layer)

    def summed(self, value: Tensor, batch: Batch) -> Tensor:
        """[B] activation of the neuron summed over its tokens, from [B, T, U] values of its site."""
        assert self.neuron is not None
        wide = value if value.dtype is torch.float64 else value.float()
        where = batch.where(None if self.tokens is None else [self.tokens], value.shape[1])
        return (wide[..., self.neuron.unit] * where).sum(1)

    def __call__(self, logits: Tensor) -> Tensor:
        """[B] target values from [B, C] logits; softmax in float32 or wider."""
        picked = self._picked(logits)
        if self.resolved.name == "pairwise":
            first, second = self._margin(picked).unflatten(0, (-1, 2)).unbind(1)
            return torch.sigmoid(first - second).repeat_interleave(2)
        if self.resolved.name == "logit":
            return picked[:, self.index]
        if self.resolved.name == "margin":
            return self._margin(picked)
        if picked.shape[1] == 1:
            log = torch.nn.functional.logsigmoid(picked[:, 0])
        else:
            log = torch.log_softmax(picked, dim=1)[:, self.index]
        return log if self.resolved.name == "log_probability" else self._probability(picked)

    def together(self, values: Tensor) -> Tensor:
        """[B] values summed over the rows that have one number together, the same for each of them."""
        sums: Tensor = values.unflatten(0, (-1, self.rows)).sum(1)
        return sums.repeat_interleave(self.rows)

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
    sentence = f"{_lead(kind)} (index {index} of {count}, label '{labels[index]}')"
    if count == 1 and kind == "margin":
        raise BadInput("a margin between two labels", "one label", "Choose the logit or the probability.", "target")
    resolved = ResolvedTarget(name=kind, unit=UNITS[kind], sentence=sentence, label=index)
    return Target(resolved, None, index, rows=_rows(kind))


def token_pair_target(name: TargetName, ids: tuple[int, int], words: tuple[str, str]) -> Target:
    """Target of a yes/no model: ``ids`` are the positive and the negative token."""
    kind: TargetName = "probability" if name == "default" else name
    sentence = f"{_lead(kind)} (token '{words[0]}' against '{words[1]}', first decoder step)"
    resolved = ResolvedTarget(
        name=kind, unit=UNITS[kind], sentence=sentence, label=0, token_id=None, other_token_id=ids[1]
    )
    return Target(resolved, ids, 0, rows=_rows(kind))


def inner_target(answer: Target, neuron: NeuronIndex, tokens: str | None) -> Target:
    """The activation of a neuron, summed over the tokens of a part; ``answer`` still tells score and probability."""
    where = "all tokens" if tokens is None else f"the tokens of the part {tokens}"
    sentence = f"activation of {neuron}, summed over {where}"
    resolved = answer.resolved.model_copy(update={"name": "activation", "unit": "activation", "sentence": sentence})
    return replace(answer, resolved=resolved, neuron=neuron, tokens=tokens, rows=1)


def _lead(kind: TargetName) -> str:
    if kind == "pairwise":
        return "probability that the first passage beats the second, sigmoid(s1 - s2), s the relevance"
    return f"relevance {UNITS[kind]}"


def _rows(kind: TargetName) -> int:
    return 2 if kind == "pairwise" else 1


def token_target(name: TargetName, token: int, word: str, why: str) -> Target:
    """Target of a causal model: the next token."""
    if name == "pairwise":
        raise BadInput("a re-ranker for two passages", "a causal model", "Choose another target.", "target")
    kind: TargetName = "probability" if name == "default" else name
    sentence = f"{UNITS[kind]} of the token '{word}' (id {token}, {why})"
    return Target(ResolvedTarget(name=kind, unit=UNITS[kind], sentence=sentence, token_id=token), None, token)


def check_inner(card: ModelCard, neuron: NeuronIndex) -> None:
    """See that a model has a neuron, and blocks below it whose neurons can be scored.

    Raises:
        BadInput: it has not.
    """
    widths = card.widths.get(neuron.kind, ())
    kinds = ", ".join(kind.value for kind in card.widths if kind is not SiteKind.HEAD)
    fits = neuron.kind is not SiteKind.HEAD and 0 < neuron.layer < len(widths) and neuron.unit < widths[neuron.layer]
    if not fits:
        raise BadInput(
            f"a neuron of {card.slug} above layer 0: layers 1 to {card.layers - 1}, kinds {kinds}",
            f"'{neuron}'",
            "Correct the id; layers and units count from zero.",
            "neuron",
        )
