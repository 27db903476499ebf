"""Ways of reading a model: which fit, what they take, and the label of a single text."""

import json
from pathlib import Path

import pytest
import torch
from tiny import save_tiny, tiny_host

from app.domain.errors import BadInput, Unsupported
from app.domain.examples import Example
from app.domain.model_card import ModelCard, ModelInfo
from app.domain.targets import TargetSpec
from app.models.folders import tasks_of
from app.models.host import ModelHost
from app.models.loading import Hosts
from app.models.tasks import task_for, tasks

QUESTION = Example("0", "what causes rain", "rain falls because clouds hold water")


@pytest.fixture(scope="module")
def text() -> ModelHost:
    return tiny_host(labels=3, task="text")


@pytest.mark.parametrize(
    ("head", "family", "keys"),
    [
        ("BertForSequenceClassification", "bert", ("pair", "text")),
        ("RobertaForMaskedLM", "roberta", ("masked",)),
        ("ModernBertForQuestionAnswering", "modernbert", ("span",)),
        ("T5ForConditionalGeneration", "t5", ("yes_no",)),
        ("GPT2LMHeadModel", "gpt2", ("causal",)),
        ("LlamaForSequenceClassification", "llama", ("pair", "text")),
    ],
)
def test_the_head_decides(head: str, family: str, keys: tuple[str, ...]) -> None:
    assert tasks_of({"architectures": [head], "model_type": family}) == keys


@pytest.mark.parametrize(
    ("head", "family", "says"),
    [
        ("BertModel", "bert", "ForMaskedLM"),
        ("BertLMHeadModel", "bert", "BERT is an encoder"),
        ("T5ForSequenceClassification", "t5", "T5 is an encoder-decoder"),
        ("BertForMaskedLMExtra", "bert", "bare encoder"),
    ],
)
def test_a_head_that_cannot_be_read_is_refused(head: str, family: str, says: str) -> None:
    with pytest.raises(Unsupported, match=says):
        tasks_of({"architectures": [head], "model_type": family})


def test_golgi_json_names_the_default(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "model", labels=2)
    hosts = Hosts(tmp_path, device="cpu", offline=True)
    assert hosts.inspect("model").tasks == ("pair", "text")
    (folder / "golgi.json").write_text(json.dumps({"task": "text"}))
    assert (hosts.inspect("model").task, hosts.inspect("model").tasks) == ("text", ("text", "pair"))
    assert hosts.get("model").card.tasks == ("text", "pair")
    (folder / "golgi.json").write_text(json.dumps({"task": "masked"}))
    assert "pair or text" in (hosts.inspect("model").problem or "")


def test_cards_of_older_versions_are_read(bert: ModelHost) -> None:
    stored = bert.card.model_dump(mode="json", exclude={"tasks"})
    assert ModelCard.model_validate(stored | {"task": "ranker"}).tasks == ("pair",)
    assert ModelCard.model_validate(stored | {"task": "causal_lm"}).task == "causal"
    assert ModelCard.model_validate(bert.card.model_dump(mode="json")) == bert.card
    info = ModelInfo(slug="a", source="a", task="ranker")
    assert (info.task, info.tasks) == ("pair", ("pair",)) and ModelInfo(slug="a", source="a").tasks == ()


def test_the_form_chooses_among_the_ways() -> None:
    host = tiny_host(labels=3)
    pair, alone = host.encode([QUESTION]), host.encode([Example("0", "rain falls")])
    assert (pair.task, alone.task) == ("pair", "text") and alone.segments == ("special", "text")
    with pytest.raises(BadInput, match="two texts"):
        host.encode([Example("0", "rain falls"), QUESTION])
    assert task_for(("masked",), "pair") is None
    with pytest.raises(BadInput, match="relevant"):
        host.target(TargetSpec(), pair)
    assert host.target(TargetSpec(), alone).resolved.label is not None


@pytest.mark.parametrize(("key", "field", "word"), [("span", "passage", "context"), ("masked", "query", "text")])
def test_an_empty_text_is_called_by_its_name(key: str, field: str, word: str) -> None:
    example = Example("0", "a", " ") if field == "passage" else Example("0", " ")
    with pytest.raises(BadInput, match=f"some text as the {word}") as caught:
        tasks()[key].check(example)
    assert caught.value.field == field


@pytest.mark.parametrize("key", ["text", "masked", "span", "causal"])
def test_pairwise_is_for_rankers(key: str) -> None:
    for ask in (
        lambda: tasks()[key].sentence(TargetSpec(name="pairwise"), ModelInfo(slug="a", source="a", labels=("a",))),
        lambda: tiny_host("GPT-2" if key == "causal" else "BERT", task=key).target(TargetSpec(name="pairwise")),
    ):
        with pytest.raises(BadInput) as caught:
            ask()
        assert caught.value.field == "target"


def test_a_question_without_an_answer_keeps_its_old_spelling() -> None:
    assert TargetSpec(answer="start").model_dump()["answer"] == "start" and "answer" not in TargetSpec().model_dump()
    assert str(TargetSpec(answer="end")) == "default(answer='end')"


def test_what_a_way_does_not_ask_is_left_out() -> None:
    info = ModelInfo(slug="a", source="a", labels=("no", "yes"), relevant_label=1)
    asked = TargetSpec(label=0, token="rain", answer="start")
    named = {"yes_no": asked.model_copy(update={"token": "yes"})}
    kept = {key: tasks()[key].complete(named.get(key, asked), info).model_dump(exclude_none=True) for key in tasks()}
    assert kept["pair"] == kept["text"] == {"name": "default", "label": 0}
    assert kept["causal"] == kept["masked"] == {"name": "default", "token": "rain"}
    assert kept["span"] == {"name": "default", "answer": "start"} and kept["yes_no"] == {
        "name": "default",
        "token": "yes/no",
    }
    assert tasks()["pair"].complete(TargetSpec(), info).label == 1
    assert tasks()["text"].complete(TargetSpec(), info).label is None


def test_the_predicted_label_of_an_input_is_explained(text: ModelHost) -> None:
    batch = text.encode([Example("0", "rain falls because clouds hold water")])
    logits = text.run(batch, None).logits
    target = text.target(TargetSpec(), batch)
    assert logits.shape == (1, 3) and target.resolved.label == int(logits.argmax())
    assert target.resolved.sentence.endswith("predicted by the model)") and "relevan" not in target.resolved.sentence
    assert float(target.explained(logits)) == pytest.approx(float(logits.softmax(1).max()))
    assert (
        text.target(TargetSpec(label=0), batch).resolved.sentence
        == "probability of the label (index 0 of 3, label 'LABEL_0')"
    )
    with pytest.raises(BadInput) as caught:
        text.target(TargetSpec(label=3), batch)
    assert caught.value.field == "label"


def test_inputs_with_different_predictions_do_not_share_a_target(text: ModelHost) -> None:
    texts = ["rain", "the lazy dog", "clouds hold water", "spain", "a b c d", "what causes", "no", "yes true", "fox"]
    batch = text.encode([Example(str(n), one) for n, one in enumerate(texts)])
    predicted = text.run(batch, None).logits.argmax(1).tolist()
    assert len(set(predicted)) > 1, "the tiny model is to predict several labels here"
    with pytest.raises(BadInput) as caught:
        text.target(TargetSpec(), batch)
    assert caught.value.field == "label"
    same = [row for row, label in enumerate(predicted) if label == predicted[0]]
    assert text.target(TargetSpec(), batch.take(same)).resolved.label == predicted[0]


def test_a_decoder_is_read_at_its_last_token() -> None:
    """Also where the text ends with the token that the library takes for padding."""
    host = tiny_host("Llama", labels=2, task="text")
    batch = host.encode([Example("0", "rain falls"), Example("1", "rain")])
    assert batch.readout.tolist() == [1, 0]
    own = host.model(**{name: value[:1] for name, value in batch.inputs.items()}).logits
    assert torch.allclose(host.run(batch, None).logits[:1], own, atol=1e-6)
    pad = host.tokenizer.pad_token
    ends = host.encode([Example("0", f"rain falls {pad}")])
    assert int(ends.readout[0]) == 2 and not torch.allclose(host.run(ends, None).logits, own, atol=1e-3)


@pytest.mark.parametrize("slug", ["tiny-mlm", "tiny-text", "tiny-qa"])
def test_folders_load_with_every_check_passed(models_dir: Path, slug: str) -> None:
    host = Hosts(models_dir, device="cpu", offline=True).get(slug)
    assert not host.card.off and host.card.tasks[0] == host.card.task
    key = {"tiny-mlm": "masked", "tiny-text": "text", "tiny-qa": "span"}[slug]
    assert host.card.task == key and len(host.card.labels) == (3 if key == "text" else 0)
