"""The token that should follow a prompt: a word or a letter, with a blank in front or not (``qrnca.md`` section 3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from app.domain.errors import BadInput
from app.domain.examples import Example
from app.domain.query_sampling import Blank
from app.domain.question_sets import LETTERS, Wording
from app.domain.variants import BLANKS, Way
from app.models.encoding import Batch
from app.models.host import ModelHost
from app.models.targets import Target, token_target
from app.models.variants import variant


@dataclass(frozen=True)
class Continuation:
    """One token that may follow a prompt.

    Args:
        token: its id. word: its text. blank: whether it was read with a blank in front.
        probability: of it as the next token, softmax over the whole vocabulary.
    """

    token: int
    word: str
    blank: Way
    probability: float


@dataclass(frozen=True)
class Continuations:
    """What may follow a prompt, and which of it is right.

    Args:
        options: one for each text that was asked for, in order.
        right: number of the right one.
        likeliest: the likeliest next token of the whole vocabulary, id and text; ``likeliest_probability`` its share.
    """

    options: tuple[Continuation, ...]
    right: int
    likeliest: tuple[int, str]
    likeliest_probability: float

    @property
    def target(self) -> Continuation:
        """The right one."""
        return self.options[self.right]

    @property
    def mass(self) -> float:
        """Probability of all options together."""
        return sum(option.probability for option in self.options)

    @property
    def known(self) -> bool:
        """Whether the model answers right: the right option before the others; a lone one before every other token."""
        if len(self.options) == 1:
            return self.likeliest[0] == self.target.token
        return all(self.target.probability >= option.probability for option in self.options)


OUTPUTS = ("probability", "others", "best_other", "mass")
"""What :class:`AnswerTarget` tells of a row."""


@dataclass(frozen=True)
class AnswerTarget(Target):
    """A prompt's answer among its options: probability of the right token, mean and largest probability of the wrong
    ones, and of all options together; softmax over the whole vocabulary (``qrnca.md`` section 8).

    Where there is one option alone, the wrong ones are all other tokens: their largest share is told, and no mean.
    """

    options: tuple[int, ...] = ()
    names: tuple[str, ...] = OUTPUTS

    def values(self, logits: Tensor, batch: Batch, inner: Tensor | None = None) -> Tensor:
        """[B, 4] shares, in the order of the names."""
        wide = logits if logits.dtype is torch.float64 else logits.float()
        shares = torch.softmax(wide, dim=1)
        right = shares[:, self.index]
        if len(self.options) < 2:
            best = shares.index_fill(1, torch.tensor([self.index], device=shares.device), 0.0).max(1).values
            return torch.stack([right, torch.full_like(right, torch.nan), best, right], dim=1)
        wrong = shares[:, [token for token in self.options if token != self.index]]
        return torch.stack([right, wrong.mean(1), wrong.max(1).values, right + wrong.sum(1)], dim=1)


def answer_target(answers: Continuations) -> AnswerTarget:
    """The answer of a prompt, as what edits change."""
    right = answers.target
    plain = token_target("probability", right.token, right.word, "the right answer")
    options = tuple(option.token for option in answers.options)
    return AnswerTarget(plain.resolved, None, right.token, names=OUTPUTS, options=options)


def continuations(
    host: ModelHost, prompt: str, texts: Sequence[str], right: int, blank: Blank, max_length: int | None = None
) -> Continuations:
    """Tokens of the texts behind a prompt, with their probabilities; one pass.

    Args:
        host: a causal language model.
        prompt: what it reads.
        texts: what may follow, without a blank in front.
        right: number of the right one.
        blank: ``space`` and ``bare`` read each text with and without a blank in front; ``auto`` takes the way whose
            tokens have more probability together, of those in which every text is one token.
        max_length: of the prompt, in tokens.

    Raises:
        BadInput: a text that is not one token behind the prompt, in any way that was asked for.
    """
    ways = BLANKS if blank == "auto" else (blank,)
    tokens: dict[Way, list[int]] = {}
    fault: BadInput | None = None
    for way in ways:
        try:
            tokens[way] = [next_token(host.tokenizer, prompt, text, way) for text in texts]
        except BadInput as error:
            fault = fault or error
    if not tokens and fault is not None:
        raise fault
    batch = host.encode([Example("0", prompt)], max_length=max_length)
    shares = torch.softmax(host.run(batch, None).logits[0].double(), dim=0)
    best = max(tokens, key=lambda way: float(shares[tokens[way]].sum()))
    options = tuple(
        Continuation(token, host.tokenizer.decode([token]), best, float(shares[token])) for token in tokens[best]
    )
    likeliest = int(shares.argmax())
    return Continuations(options, right, (likeliest, host.tokenizer.decode([likeliest])), float(shares[likeliest]))


def answers_of(host: ModelHost, wording: Wording, blank: Blank, max_length: int | None = None) -> Continuations:
    """What may follow a wording's prompt: the letters of its options, or its answer alone.

    Raises:
        BadInput: a target that is no letter of an option, or no single token.
    """
    texts = tuple(LETTERS[: len(wording.options)]) if wording.options else (wording.target,)
    if wording.target not in texts:
        way = "Correct the set, and import it again."
        raise BadInput(f"a letter among {', '.join(texts)}", f"'{wording.target}'", way, "questions")
    return continuations(host, wording.prompt, texts, texts.index(wording.target), blank, max_length)


def next_token(tokenizer: Any, prompt: str, text: str, blank: Way) -> int:
    """The one token that a text adds to a prompt.

    Raises:
        BadInput: it adds none or several, or changes the prompt's own tokens, or is unknown.
    """
    found = variant(tokenizer, prompt, text, blank)
    if found.fault is not None:
        raise found.fault
    return found.ids[0]
