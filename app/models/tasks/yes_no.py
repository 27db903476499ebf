"""An encoder-decoder that answers a template with true or false (monoT5)."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor
from transformers import AutoModelForSeq2SeqLM

from app.domain.errors import Unsupported
from app.domain.examples import Example, TokenSpan
from app.domain.model_card import Readable
from app.domain.targets import TARGETS, ResolvedTarget, TargetName, TargetSpec
from app.models.architectures.base import Shape
from app.models.encoding import Batch, SharedTokenizer
from app.models.targets import UNITS, Target, relevance_of
from app.models.tasks.base import Answers, EncodedRow, Task

TEMPLATE = ("Query: ", " Document: ", " Relevant:")
"""Input template of monoT5; its words count as special (``nig.md`` section 4)."""
WORD_PAIRS = (("▁true", "▁false"), ("true", "false"), ("▁yes", "▁no"), ("yes", "no"))


class YesNo(Task):
    """Two texts in a template, and the first word of the answer."""

    key: ClassVar[str] = "yes_no"
    title: ClassVar[str] = "re-ranker that answers true or false"
    heads: ClassVar[tuple[str, ...]] = ("ForConditionalGeneration",)
    loader: ClassVar[Any] = AutoModelForSeq2SeqLM
    shapes: ClassVar[tuple[Shape, ...]] = ("encoder-decoder",)
    first: ClassVar[str] = "query"
    second: ClassVar[str | None] = "passage"
    segments: ClassVar[tuple[str, ...]] = ("template", "query", "passage", "eos", "decoder")
    targets: ClassVar[tuple[str, ...]] = TARGETS
    typed: ClassVar[bool] = False

    def row(self, example: Example, tokenizer: SharedTokenizer, limit: int) -> EncodedRow:
        """The template with the passage cut so that the words after it stay."""
        head, middle, tail = TEMPLATE
        query, passage = example.query, example.passage or ""
        text = f"{head}{query}{middle}{passage}{tail}"
        encoding = tokenizer(text, return_offsets_mapping=True, truncation=False).encodings[0]
        marks = _marks(len(head), len(query), len(middle), len(passage))
        spans = [_span(encoding, at, marks) for at in range(len(encoding.ids))]
        over = len(encoding.ids) - limit
        drop: set[int] = set()
        for name in ("passage", "query"):
            places = [at for at, span in enumerate(spans) if span.segment == name]
            excess = max(0, over - len(drop))
            drop |= set(places[max(0, len(places) - excess) :])
        keep = [at for at in range(len(encoding.ids)) if at not in drop]
        return EncodedRow(tuple(encoding.ids[at] for at in keep), (0,) * len(keep), tuple(spans[at] for at in keep))

    def more_inputs(self, rows: int, decoder_start: int) -> dict[str, Tensor]:
        """[B, 1] the first step of the decoder."""
        return {"decoder_input_ids": torch.full((rows, 1), decoder_start)}

    def readout(self, mask: Tensor, segment: Tensor, causal: bool) -> Tensor:
        """[B] the first step of the decoder."""
        return mask.new_zeros(len(mask), dtype=torch.long)

    def logits(self, model: Any, batch: Batch) -> Tensor:
        """[B, V] logits of the first step of the decoder."""
        logits: Tensor = model(**batch.inputs).logits[:, 0]
        return logits

    def answer(self, spec: TargetSpec, host: Answers, batch: Batch | None) -> Target:
        """A number of the word 'true' against 'false', or of 'yes' against 'no'.

        Raises:
            Unsupported: the vocabulary has neither.
        """
        known = host.tokenizer.get_vocab()
        for yes, no in WORD_PAIRS:
            if yes in known and no in known:
                return _target(spec.name, (known[yes], known[no]), (yes.strip("▁"), no.strip("▁")))
        raise Unsupported(
            "a vocabulary with the words true and false, or yes and no",
            "neither",
            "Use a yes/no ranker such as monoT5.",
        )

    def foretold(self, spec: TargetSpec, info: Readable) -> str:
        """The words are those of the model's training."""
        return "relevance of the token 'true' against 'false' at the first decoder step"


def _target(name: TargetName, ids: tuple[int, int], words: tuple[str, str]) -> Target:
    """``ids`` are the positive and the negative token."""
    kind: TargetName = "probability" if name == "default" else name
    sentence = relevance_of(kind, f"token '{words[0]}' against '{words[1]}', first decoder step")
    resolved = ResolvedTarget(
        name=kind, unit=UNITS[kind], sentence=sentence, label=0, token_id=None, other_token_id=ids[1]
    )
    return Target(resolved, ids, 0, rows=2 if kind == "pairwise" else 1)


def _marks(head: int, query: int, middle: int, passage: int) -> dict[str, tuple[int, int]]:
    second = head + query + middle
    return {"query": (head, head + query), "passage": (second, second + passage)}


def _span(encoding: Any, at: int, marks: Mapping[str, tuple[int, int]]) -> TokenSpan:
    text, word, (start, end) = encoding.tokens[at], encoding.word_ids[at], encoding.offsets[at]
    if word is None:
        return TokenSpan(text, "eos", -1, 0, 0)
    for name, (first, last) in marks.items():
        if first < end <= last and start >= first - 1:
            return TokenSpan(text, name, word, max(0, start - first), end - first)
    return TokenSpan(text, "template", -1, 0, 0)


TASK = YesNo()
