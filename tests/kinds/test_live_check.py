"""What a form is told while it is filled is what it is told when it is sent: one check, in the words of the page."""

from collections.abc import Mapping

import pytest
from fastapi.testclient import TestClient

from app.domain.errors import GolgiError
from app.kinds.explain.ask import separation
from app.main import Golgi

PAIR = {"model": "tiny-bert", "query": "what causes rain", "passages": "clouds hold water", "flags": "1", "steps": "6"}
PROMPT = {"model": "tiny-gpt2", "form": "prompt", "query": "what causes", "flags": "1", "steps": "6"}
EIGHT = "\n\n".join(f"passage {number}" for number in range(8))
WRONG = {
    "eight passages for two": {**PAIR, "form": "ranking", "passages": EIGHT, "target": "pairwise"},
    "one passage for two": {**PAIR, "target": "pairwise"},
    "no number": {**PAIR, "max_length": "many"},
    "too small a number": {**PAIR, "max_length": "2"},
    "no number of steps": {**PAIR, "steps": "some"},
    "too few steps": {**PAIR, "steps": "1"},
    "no such target": {**PAIR, "target": "nonsense"},
    "no such method": {**PAIR, "method": "nonsense"},
    "a control": {**PAIR, "method": "weight_norm"},
    "no such label": {**PAIR, "label": "7"},
    "no neuron": {**PAIR, "target": "activation", "neuron": "here"},
    "fifty-one passages": {**PAIR, "form": "ranking", "passages": "\n\n".join(["abc"] * 51)},
    "too long a text": {**PAIR, "passages": "a" * 200_001},
    "no text": {**PAIR, "query": "  "},
    "no passage": {**PAIR, "passages": ""},
}
KEYS = ("max_length", "params", "passages:", "target.name")


def given(form: Mapping[str, str]) -> dict[str, list[str]]:
    return {name: [text] for name, text in form.items()}


@pytest.mark.parametrize("form", WRONG.values(), ids=WRONG)
def test_the_live_check_is_that_of_the_sent_form(golgi: Golgi, form: dict[str, str]) -> None:
    told = []
    for ask in (golgi.services.requests.preview, golgi.services.requests.sent):
        try:
            ask("explain", given(form))
        except GolgiError as error:
            told.append((str(error), error.field, error.missing))
    assert len(told) == 2 and told[0] == told[1]
    assert not any(key in told[0][0] for key in KEYS), "the field's label, not its key"


def test_fields_are_called_by_their_labels(golgi: Golgi) -> None:
    for form, label in ((WRONG["no number"], "Longest input"), (WRONG["too few steps"], "Steps")):
        with pytest.raises(GolgiError) as caught:
            golgi.services.requests.preview("explain", given(form))
        assert caught.value.expected.startswith(f"{label}: ") and caught.value.remedy == f"Correct '{label}'."


def test_an_untouched_form_is_told_what_is_next(golgi: Golgi) -> None:
    client = TestClient(golgi.app())
    for path, form in (("/explain/seen", {**PAIR, "query": "", "passages": ""}), ("/study/cost", {"flags": "1"})):
        page = client.post(path, data=form).text
        assert 'class="warn"' not in page and "Expected" not in page and 'class="soft"' in page
    assert 'class="warn"' in client.post("/explain/seen", data=WRONG["one passage for two"]).text


def test_several_tokens_are_told_before_the_form_is_sent(golgi: Golgi) -> None:
    client = TestClient(golgi.app())
    text = "rain falls because"
    ids = golgi.worker.hosts.encoder("tiny-gpt2").tokenizer(text, add_special_tokens=False)["input_ids"]
    assert len(ids) > 1
    page = client.post("/explain/seen", data={**PROMPT, "token": text}).text
    assert f"That is {len(ids)} tokens" in page and "the first is explained" in page
    one = golgi.worker.hosts.encoder("tiny-gpt2").tokenizer.decode([ids[0]])
    assert "That is" not in client.post("/explain/seen", data={**PROMPT, "token": one}).text


@pytest.mark.parametrize(
    ("text", "told", "doubtful"),
    [
        ("\n".join("abcdefgh"), "1 passage of 8 lines: no empty line and no line of --- is between them.", True),
        ("one line", "1 passage.", False),
        ("a\n\nb\nc", "2 passages, told apart by empty lines.", False),
        ("a\n---\nb\n\nc\r\n---\nd", "3 passages, told apart by lines of ---.", False),
    ],
)
def test_how_passages_are_told_apart(text: str, told: str, doubtful: bool) -> None:
    found = separation(text)
    assert (found.told, found.doubtful) == (told, doubtful)
