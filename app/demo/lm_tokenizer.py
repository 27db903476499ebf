"""The tokenizer of the demo language model: byte-level pairs, every one-word answer a single token."""

from collections.abc import Iterable, Sequence
from typing import Any

from tokenizers import Regex, Tokenizer
from tokenizers.decoders import ByteLevel as Bytes
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel, Split
from tokenizers.pre_tokenizers import Sequence as Steps
from tokenizers.processors import TemplateProcessing
from tokenizers.trainers import BpeTrainer
from transformers import PreTrainedTokenizerFast

BEGIN, END, PAD = "<s>", "</s>", "<pad>"
WORDS = r"\n| ?\p{L}+| ?\p{N}| ?[^\s\p{L}\p{N}]+|\s"
WEIGHT = 200
"""How often an answer is shown to the trainer besides the texts, so that it becomes one token."""


def tokenizer_of(texts: Iterable[str], answers: Sequence[str], size: int) -> Any:
    """A tokenizer of ``size`` tokens trained on texts, in which `` answer`` is one token for every answer.

    Raises:
        SystemExit: an answer is still several tokens.
    """
    names = [answer for answer in answers if " " in answer]
    pattern = "|".join([*(f" {name}" for name in names), WORDS])
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = Steps([Split(Regex(pattern), "isolated"), ByteLevel(False, use_regex=False)])
    tokenizer.decoder = Bytes()
    trainer = BpeTrainer(
        vocab_size=size,
        special_tokens=[PAD, BEGIN, END],
        initial_alphabet=ByteLevel.alphabet(),
        show_progress=False,
    )
    shown = [f" {answer}" for answer in answers for _ in range(WEIGHT)]
    tokenizer.train_from_iterator([*texts, *shown], trainer)
    split = [answer for answer in answers if len(tokenizer.encode(f" {answer}").ids) != 1]
    if split:
        raise SystemExit(f"Expected one token an answer, found more for {split[:5]}. Give the vocabulary more room.")
    begin = tokenizer.token_to_id(BEGIN)
    tokenizer.post_processor = TemplateProcessing(
        single=f"{BEGIN} $A", pair=f"{BEGIN} $A {BEGIN} $B", special_tokens=[(BEGIN, begin)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=BEGIN, eos_token=END, pad_token=PAD, model_max_length=512
    )
