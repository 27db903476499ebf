"""Target scalars on logits, and of an inner neuron (``nig.md`` sections 3 and 18).

Axes: B rows, C logits, T tokens, U units.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from app.domain.errors import BadInput
from app.domain.model_card import ModelCard
from app.domain.positions import Positions
from app.domain.sites import NeuronIndex, NeuronSpace, Site, SiteKind
from app.domain.targets import OUTPUTS, ResolvedTarget, TargetName
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
    """Numbers per row: the explained one, and what the model says of the input.

    Args:
        resolved: what is explained, with nothing left open.
        columns: logit columns that compete; None for all of them.
        index: position of the explained one among ``columns``.
        neuron: the inner neuron whose activation is the number instead; None for the answer's.
        tokens: the part whose tokens that activation is summed over; None for all tokens.
        rows: rows that have one number together: 2 for a pairwise target, whose rows come as first, second, first, ...
        names: of the outputs; the first is explained.
    """

    resolved: ResolvedTarget
    columns: tuple[int, ...] | None
    index: int
    neuron: NeuronIndex | None = None
    tokens: str | None = None
    rows: int = 1
    names: tuple[str, ...] = OUTPUTS

    @property
    def site(self) -> Site | None:
        """The tensor that an inner target reads."""
        return None if self.neuron is None else self.neuron.site

    def scored(self, space: NeuronSpace) -> NeuronSpace:
        """The neurons of a space that get a score; see :meth:`TargetSpec.scored`."""
        return space if self.neuron is None else space.below(self.neuron.layer)

    def values(self, logits: Tensor, batch: Batch, inner: Tensor | None = None) -> Tensor:
        """[B, Y] outputs: the explained number, the relevance score, the probability; float32 or wider.

        Args:
            logits: [B, C] of the model's answer.
            batch: the rows.
            inner: [B, T, U] values at :attr:`site`, where an inner neuron is explained.
        """
        explained = self.explained(logits) if inner is None else self._summed(inner, batch)
        return torch.stack([explained, *self.outcome(logits)], dim=1)

    def shared(self, columns: Tensor) -> Tensor:
        """[B] how many rows have one value together, of the output that each row's column names."""
        return torch.where(columns == 0, self.rows, 1)

    def _summed(self, value: Tensor, batch: Batch) -> Tensor:
        """[B] activation of the neuron summed over its tokens, from [B, T, U] values of its site."""
        if self.neuron is None:
            raise ValueError("expected a target that is an inner neuron; found one of the answer; leave the values out")
        wide = value if value.dtype is torch.float64 else value.float()
        where = batch.where(Positions(None if self.tokens is None else (self.tokens,)), value.shape[1])
        return (wide[..., self.neuron.unit] * where).sum(1)

    def explained(self, logits: Tensor) -> Tensor:
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
        own = torch.tensor([self.index], device=picked.device)
        return picked[:, self.index] - torch.logsumexp(picked.index_fill(1, own, -torch.inf), dim=1)

    def _probability(self, picked: Tensor) -> Tensor:
        if picked.shape[1] == 1:
            return torch.sigmoid(picked[:, 0])
        return torch.softmax(picked, dim=1)[:, self.index]


def label_target(
    name: TargetName, labels: Sequence[str], label: int, say: Callable[[TargetName, str], str], why: str = ""
) -> Target:
    """A number of one label of a classification head.

    Args:
        name: which number; by default the logit of a single label, else the probability.
        labels: names of the logits.
        label: which of them is explained.
        say: makes the sentence, from the kind of number and the label in words.
        why: how the label was chosen, where it was not asked for.

    Raises:
        BadInput: no such label, or a margin where there is only one.
    """
    count = len(labels)
    if label >= count:
        raise BadInput(f"a label from 0 to {count - 1}", str(label), "Choose one of the model's labels.", "label")
    kind: TargetName = name if name != "default" else "logit" if count == 1 else "probability"
    if count == 1 and kind == "margin":
        raise BadInput("a margin between two labels", "one label", "Choose the logit or the probability.", "target")
    sentence = say(kind, f"index {label} of {count}, label '{labels[label]}'{why and f', {why}'}")
    resolved = ResolvedTarget(name=kind, unit=UNITS[kind], sentence=sentence, label=label)
    return Target(resolved, None, label, rows=2 if kind == "pairwise" else 1)


def token_target(name: TargetName, token: int, word: str, why: str) -> Target:
    """A number of one token of the vocabulary, by default its probability; ``why`` says how it was chosen."""
    kind: TargetName = "probability" if name == "default" else name
    sentence = f"{UNITS[kind]} of the token '{word}' (id {token}, {why})"
    return Target(ResolvedTarget(name=kind, unit=UNITS[kind], sentence=sentence, token_id=token), None, token)


@dataclass(frozen=True)
class TokensTarget(Target):
    """The probability of any of several tokens, added up (``qrnca.md`` section 3, letter token)."""

    tokens_meant: tuple[int, ...] = ()

    def explained(self, logits: Tensor) -> Tensor:
        """[B] probability of the tokens together from [B, V] logits; softmax in float32 or wider."""
        return self._probability(self._picked(logits))

    def _margin(self, picked: Tensor) -> Tensor:
        """[B] log odds of the tokens together against all others."""
        own = torch.tensor(self.tokens_meant, device=picked.device)
        rest = picked.index_fill(1, own, -torch.inf)
        return torch.logsumexp(picked[:, own], dim=1) - torch.logsumexp(rest, dim=1)

    def _probability(self, picked: Tensor) -> Tensor:
        return torch.softmax(picked, dim=1)[:, list(self.tokens_meant)].sum(1)


def tokens_target(tokens: Sequence[int], word: str, why: str) -> Target:
    """The probability of one token, or of several together; ``why`` says how they were chosen."""
    if len(tokens) == 1:
        return token_target("probability", tokens[0], word, why)
    ids = ", ".join(map(str, tokens))
    sentence = f"probability of the tokens '{word}' together (ids {ids}, {why})"
    resolved = ResolvedTarget(name="probability", unit=UNITS["probability"], sentence=sentence, token_id=tokens[0])
    return TokensTarget(resolved, None, tokens[0], tokens_meant=tuple(tokens))


def relevance_of(kind: TargetName, what: str) -> str:
    """The sentence of a re-ranker's target; ``what`` names the label or the word that means 'relevant'."""
    if kind == "pairwise":
        lead = "probability that the first passage beats the second, sigmoid(s1 - s2), s the relevance"
        return f"{lead} ({what})"
    return f"relevance {UNITS[kind]} ({what})"


def answer_of_any() -> Target:
    """A stand-in for a model's answer, where only an inner neuron's sentence is wanted."""
    return Target(ResolvedTarget(name="default", unit="", sentence=""), None, 0)


def inner_target(answer: Target, neuron: NeuronIndex, tokens: str | None) -> Target:
    """The activation of a neuron, summed over the tokens of a part; ``answer`` still tells score and probability."""
    where = "all tokens" if tokens is None else f"the tokens of the part {tokens}"
    sentence = f"activation of {neuron}, summed over {where}"
    resolved = answer.resolved.model_copy(update={"name": "activation", "unit": "activation", "sentence": sentence})
    return replace(answer, resolved=resolved, neuron=neuron, tokens=tokens, rows=1)


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
