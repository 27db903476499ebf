"""Labels, answer words, padding, complete places and lengths are those that the model has."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import family_of, save_tiny, tiny_host, tiny_tokenizer
from transformers import (
    AutoModelForSequenceClassification,
    DebertaV2Config,
    LlamaConfig,
    LlamaForCausalLM,
    MT5Config,
    MT5ForConditionalGeneration,
    PreTrainedTokenizerFast,
)

from app.domain.errors import BadInput, Unsupported
from app.domain.examples import Example
from app.domain.sites import Site, SiteKind
from app.domain.targets import TargetSpec
from app.methods.base import method_of
from app.models.answer_words import asked_words, words_of
from app.models.labels import Labels, labels_of, relevant_of
from app.models.lengths import longest_of
from app.models.loading import Hosts
from app.models.tasks import tasks

PAIR = Example("0", "what causes rain", "clouds hold water")


def edited(path: Path, **values: Any) -> None:
    """Other entries of a JSON file."""
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (("relevance",), 0),
        (("LABEL_0", "LABEL_1"), 1),
        (("0", "1"), 1),
        (("relevant", "not_relevant"), 0),
        (("is_relevant", "is_not_relevant"), 0),
        (("is_not_relevant", "is_relevant"), 1),
        (("Relevant", "NotRelevant"), 0),
        (("irrelevant", "relevant"), 1),
        (("NEGATIVE", "POSITIVE"), 1),
        (("entailment", "not_entailment"), 0),
        (("contradiction", "entailment", "neutral"), 1),
        (("relevant", "highly relevant"), None),
        (("pertinent", "hors sujet"), None),
        (("bad", "fair", "good"), None),
    ],
)
def test_the_label_that_means_relevant(names: tuple[str, ...], wanted: int | None) -> None:
    assert relevant_of(Labels(names), None).label == wanted
    assert relevant_of(Labels(names), len(names) - 1).label == len(names) - 1


def test_names_of_another_number_are_not_used() -> None:
    two = {"0": "LABEL_0", "1": "LABEL_1"}
    assert labels_of({"num_labels": 1, "id2label": two}).names == ("LABEL_0",)
    told = labels_of({"num_labels": 2, "id2label": {"0": "relevant"}})
    assert told.names == ("LABEL_0", "LABEL_1") and "not used" in told.note
    assert relevant_of(told, None).label is None


def test_a_head_of_other_labels_asks_or_says_so(tmp_path: Path, models_dir: Path) -> None:
    folder = Path(shutil.copytree(models_dir / "tiny-two", tmp_path / "two"))
    edited(folder / "config.json", num_labels=2, id2label={"0": "relevant"}, label2id={"relevant": 0})
    hosts = Hosts(tmp_path, device="cpu", offline=True)
    host = hosts.get("two")
    assert host.card.labels == ("LABEL_0", "LABEL_1") and "not used" in hosts.inspect("two").notes[0]
    with pytest.raises(BadInput) as caught:
        host.target(TargetSpec())
    assert caught.value.field == "label"
    edited(folder / "config.json", num_labels=3)
    with pytest.raises(Unsupported, match="classifier"):
        hosts.get("two")


@pytest.mark.parametrize(
    ("name", "config", "words"),
    [
        ("monot5-base-msmarco", {"model_type": "t5"}, "true/false"),
        ("my-ranker", {"model_type": "t5"}, "true/false"),
        ("tiny-mt5-mmarco", {"model_type": "mt5"}, "yes/no"),
        ("ours", {"model_type": "mt5"}, "yes/no"),
        ("ours", {"model_type": "mt5", "_name_or_path": "unicamp-dl/mt5-13b-mmarco-100k"}, "true/"),
        ("ptt5-base-pt-msmarco-10k-v2", {"model_type": "t5"}, "sim/não"),
    ],
)
def test_the_words_of_published_rankers(name: str, config: dict[str, str], words: str) -> None:
    assert str(words_of(name, config, None)) == words
    assert str(words_of(name, config, ["ja", "nein"])) == "ja/nein"


def test_words_that_a_question_names() -> None:
    assert str(asked_words("yes")) == "yes/no" and str(asked_words(" ja / nein ")) == "ja/nein"
    for text in ("", "rain", "yes/yes"):
        with pytest.raises(BadInput) as caught:
            asked_words(text)
        assert caught.value.field == "token"


@pytest.fixture(scope="module")
def mt5(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A multilingual ranker whose vocabulary has both pairs of words."""
    folder = tmp_path_factory.mktemp("words") / "some-mt5"
    tokenizer = tiny_tokenizer(family_of("T5"))
    torch.manual_seed(3)
    sizes = {"d_model": 16, "d_kv": 4, "d_ff": 24, "num_layers": 2, "num_decoder_layers": 2, "num_heads": 4}
    more = {"decoder_start_token_id": 0, "pad_token_id": 0, "eos_token_id": 1, "tie_word_embeddings": False}
    MT5ForConditionalGeneration(MT5Config(vocab_size=len(tokenizer), **sizes, **more)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_the_words_decide_the_score_and_are_told(mt5: Path) -> None:
    host = Hosts(mt5.parent, device="cpu", offline=True).get(mt5.name)
    batch = host.encode([PAIR])
    logits = host.run(batch, None).logits
    vocabulary = host.tokenizer.get_vocab()
    for asked, pair in ((None, ("yes", "no")), ("true", ("true", "false")), ("rain/water", ("rain", "water"))):
        target = host.target(TargetSpec(token=asked), batch)
        ids = [vocabulary[word] for word in pair]
        wanted = float(torch.softmax(logits[:, ids].double(), 1)[0, 0])
        assert float(target.outcome(logits)[1]) == pytest.approx(wanted, rel=1e-5)
        assert f"'{pair[0]}' against '{pair[1]}'" in target.resolved.sentence
    assert "published mT5 rankers" in host.target(TargetSpec(), batch).resolved.sentence
    with pytest.raises(BadInput, match="one token each"):
        host.target(TargetSpec(token="yesrain/no"), batch)
    task = tasks()[host.card.task]
    assert task.complete(TargetSpec(), host.card).token == "yes/no"


def llama(folder: Path, padding: str | None, rows: int = 0) -> Path:
    """A tiny causal model, with a padding token added to its tokenizer alone."""
    tokenizer: PreTrainedTokenizerFast = tiny_tokenizer(family_of("Llama"))
    torch.manual_seed(0)
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "num_hidden_layers": 2}
    config = LlamaConfig(vocab_size=len(tokenizer) - rows, hidden_size=16, intermediate_size=24, **heads)
    LlamaForCausalLM(config).save_pretrained(folder)
    if padding:
        tokenizer.add_special_tokens({"pad_token": padding})
    tokenizer.save_pretrained(folder)
    return folder


def test_padding_outside_of_the_embedding(tmp_path: Path) -> None:
    llama(tmp_path / "padded", "[MORE]")
    llama(tmp_path / "plain", None)
    hosts = Hosts(tmp_path, device="cpu", offline=True)
    host, plain = hosts.get("padded"), hosts.get("plain")
    texts = [Example("0", "rain falls"), Example("1", "rain falls mainly on the plain")]
    assert host.tokenizer.pad_token_id >= host.encoder.vocabulary and not host.card.off
    logits = host.run(host.encode(texts), None).logits
    assert torch.allclose(logits, plain.run(plain.encode(texts), None).logits, atol=1e-5)
    method = method_of("nig", {"steps": 4, "adaptive": False})
    batch = host.encode(texts[:1])
    with pytest.raises(Unsupported, match=r"\[MORE\]"):
        method.attribute(host, batch, host.target(TargetSpec(), batch))
    with pytest.raises(BadInput, match=r"\[MORE\]"):
        host.encode([Example("0", "rain [MORE] falls")])


def deberta(kernel: int) -> Any:
    """A tiny DeBERTa-v2 with a convolution beside its first block, or without."""
    host = tiny_host("DeBERTa-v2/v3")
    config = DebertaV2Config.from_dict({**host.model.config.to_dict(), "conv_kernel_size": kernel, "conv_act": "gelu"})
    torch.manual_seed(1)
    model = AutoModelForSequenceClassification.from_config(config).double()
    from app.models.probing import host_of

    with torch.no_grad():
        for weight in (w for w in model.parameters() if w.dim() > 1):
            weight.normal_(0, 0.35)
    return host_of(model, host.encoder, host.architecture, host.card.model_copy(update={"complete": None}))


def test_a_place_that_something_goes_past_is_not_complete() -> None:
    assert deberta(0).complete_layers() == (0, 1, 2)
    host = deberta(3)
    assert host.declared_complete() == (0, 1, 2) and host.complete_layers() == (1, 2)
    assert "past block 0" in next(row.found for row in host.card.checks if row.key == "complete")
    batch = host.encode([PAIR])
    method = method_of("nig", {"steps": 200, "adaptive": False})
    (told,) = method.attribute(host, batch, host.target(TargetSpec(name="logit"), batch))
    assert str(Site(0, SiteKind.RESID)) not in told.residual and told.remainder < 0.05


def test_own_code_is_never_run_where_the_library_knows_the_family(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "phi", "Phi-3")
    want = Hosts(tmp_path, device="cpu", offline=True).get("phi")
    logits = want.run(want.encode([Example("0", "rain falls")]), None).logits
    edited(
        folder / "config.json",
        auto_map={
            "AutoConfig": "configuration_phi3.Phi3Config",
            "AutoModelForCausalLM": "modeling_phi3.Phi3ForCausalLM",
        },
    )
    mark = tmp_path / "ran"
    for name in ("configuration_phi3.py", "modeling_phi3.py"):
        (folder / name).write_text(
            f"open({str(mark)!r}, 'w').close()\nclass Phi3Config: pass\nclass Phi3ForCausalLM: pass\n"
        )
    hosts = Hosts(tmp_path, device="cpu", offline=True)
    host = hosts.get("phi")
    assert torch.equal(host.run(host.encode([Example("0", "rain falls")]), None).logits, logits)
    assert not mark.exists() and "never run" in hosts.inspect("phi").notes[0]


def test_a_prompt_that_is_too_long_loses_its_beginning(models_dir: Path) -> None:
    host = Hosts(models_dir, device="cpu", offline=True).get("tiny-gpt2")
    words = ["rain", "falls", "mainly", "on", "the", "plain", "because", "clouds", "hold", "water", "in", "spain"]
    whole, cut = (
        host.encode([Example("0", " ".join(words))]),
        host.encode([Example("0", " ".join(words))], max_length=8),
    )
    short = host.encode([Example("0", " ".join(words[-8:]))])
    assert cut.inputs["input_ids"].tolist() == short.inputs["input_ids"].tolist()
    assert [span.text for span in cut.spans[0]] == [span.text for span in whole.spans[0]][-8:]
    seen = host.seen(Example("0", " ".join(words)), max_length=8)
    assert (seen.side, seen.cut_query, seen.max_length) == ("beginning", len(words) - 8, 8)


def test_the_longest_input_is_one_number(tmp_path: Path, models_dir: Path) -> None:
    assert longest_of({"max_position_embeddings": 8192}, {"model_max_length": 1e30}, None).tokens == 8192
    assert longest_of({"max_position_embeddings": 512}, {"model_max_length": 64}, None).tokens == 64
    assert (
        longest_of({"max_position_embeddings": 514, "model_type": "roberta", "pad_token_id": 1}, {}, None).tokens == 512
    )
    assert longest_of({"n_positions": 1024}, {}, 320) == (320, "max_length of golgi.json")
    assert longest_of({}, {}, None).tokens == 512
    long = longest_of({"max_position_embeddings": 131072}, {}, None)
    assert long.tokens == 8192 and "131,072" in long.why
    folder = Path(shutil.copytree(models_dir / "tiny-bert", tmp_path / "mine"))
    edited(folder / "tokenizer_config.json", model_max_length=48)
    hosts = Hosts(tmp_path, device="cpu", offline=True)
    told = {hosts.inspect("mine").max_length, hosts.encoder("mine").max_length, hosts.get("mine").card.max_length}
    assert told == {48} == {hosts.seen("mine", PAIR, None).max_length}


def test_a_bare_model_is_called_by_its_shape(tmp_path: Path, models_dir: Path) -> None:
    for name, head, says in (
        ("tiny-bert", "BertModel", "bare encoder"),
        ("tiny-gpt2", "GPT2Model", "bare causal model"),
    ):
        folder = Path(shutil.copytree(models_dir / name, tmp_path / name))
        edited(folder / "config.json", architectures=[head])
        assert says in str(Hosts(tmp_path, device="cpu", offline=True).inspect(name).problem)
