"""Prompts as a user's turn of a chat, by the template that a tokenizer brings (``qrnca.md`` section 3)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from app.domain.errors import BadInput
from app.domain.question_sets import Wording


def check_template(tokenizer: Any) -> None:
    """See that a tokenizer has a chat template.

    Raises:
        BadInput: it has none.
    """
    if not getattr(tokenizer, "chat_template", None):
        way = "Switch the chat template off, or choose a model that was tuned to chat."
        raise BadInput("a model whose tokenizer has a chat template", "one without", way, "chat")


def wrapped(tokenizer: Any, prompt: str) -> str:
    """A prompt as a user's turn, with what the answer begins behind.

    The mark of a text's beginning is left out where the tokenizer adds it by itself.

    Raises:
        BadInput: no template, or one that cannot be filled.
    """
    check_template(tokenizer)
    turn = [{"role": "user", "content": prompt}]
    try:
        text = str(tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True))
    except Exception as error:
        way = "Switch the chat template off, or copy the model's tokenizer again."
        raise BadInput("a chat template that takes a user's turn", f"{error}"[:120], way, "chat") from error
    mark = tokenizer.bos_token
    adds = mark is not None and tokenizer("a")["input_ids"][:1] == [tokenizer.bos_token_id]
    return text.removeprefix(mark) if adds else text


def as_read(tokenizer: Any, wordings: Sequence[Wording], chat: bool) -> tuple[Wording, ...]:
    """Wordings as a model reads them: their prompts wrapped where ``chat`` says so; targets and options stay.

    Raises:
        BadInput: see :func:`wrapped`.
    """
    if not chat:
        return tuple(wordings)
    return tuple(replace(wording, prompt=wrapped(tokenizer, wording.prompt)) for wording in wordings)
