"""Prompts as a user's turn, against the tokenizer's own template; the switch in fingerprints and in a search."""

import pytest
from asking import queries, ran, work
from tiny import tiny_host

from app.domain.errors import BadInput
from app.domain.query_sampling import QuerySample
from app.domain.question_sets import Wording
from app.models.chat import as_read, wrapped
from app.models.host import ModelHost

TEMPLATE = (
    "{% for m in messages %}{{ bos_token or '' }}query {{ m.content }}{% endfor %}"
    "{% if add_generation_prompt %} document{% endif %}"
)


@pytest.fixture
def llama() -> ModelHost:
    host = tiny_host("Llama")
    host.tokenizer.chat_template = TEMPLATE
    return host


def test_a_prompt_is_wrapped_by_the_template_of_the_tokenizer(llama: ModelHost) -> None:
    assert wrapped(llama.tokenizer, "what causes") == "query what causes document"
    wording = Wording("what causes", "rain", ("rain", "dog"))
    assert as_read(llama.tokenizer, [wording], True) == (
        Wording("query what causes document", "rain", ("rain", "dog")),
    )
    assert as_read(llama.tokenizer, [wording], False) == (wording,)


def test_a_mark_that_the_tokenizer_adds_does_not_stand_twice(llama: ModelHost) -> None:
    tokenizer = llama.tokenizer
    tokenizer.bos_token = "</s>"
    assert wrapped(tokenizer, "what") == "</s>query what document", "this tokenizer does not add it by itself"


def test_without_a_template_it_is_refused() -> None:
    with pytest.raises(BadInput, match="chat template") as caught:
        wrapped(tiny_host("Llama").tokenizer, "what")
    assert caught.value.field == "chat"
    host = tiny_host("Llama")
    host.tokenizer.chat_template = "{{ raise_exception('no user here') }}"
    with pytest.raises(BadInput, match="no user here"):
        wrapped(host.tokenizer, "what")


def test_a_search_reads_wrapped_prompts_and_stores_them(llama: ModelHost) -> None:
    plain, chat = (work(llama, queries(), chat=chat) for chat in (False, True))
    assert chat.queries["q0"].wordings[0].prompt == "query what causes rain a document"
    assert chat.queries["q0"].wordings[0].target == plain.queries["q0"].wordings[0].target
    prompts = [row.notes["prompt"] for row in ran(chat)[1] if getattr(row, "label", "") == "prompt"]
    assert all(prompt.startswith("query ") and prompt.endswith(" document") for prompt in prompts)


def test_older_questions_keep_their_fingerprint() -> None:
    assert "chat" not in QuerySample().model_dump() and QuerySample(chat=True).model_dump()["chat"] is True
