"""The demo language model's folder, and that no wording, prompt or order it is measured on was trained on."""

import argparse
import json
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from transformers import AutoModelForCausalLM, AutoTokenizer

from app.demo import letters
from app.demo.evaluate_lm import chances, cloze, controls, first_ask, questions, wordings
from app.demo.evaluate_lm import letters as by_letter
from app.demo.facts import LETTERS, fact_questions, held_orders, relations, subject_questions
from app.demo.lm_card import card_text
from app.demo.lm_rows import Rows, noisy
from app.demo.lm_tokenizer import tokenizer_of
from app.demo.train_lm import answers, fresh, halves, learn, loss_of, optimisers, rate_at, resumed
from app.models.host import ModelHost
from app.models.loading import Hosts

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "models_cache" / "golgi-demo-lm"
LIMIT = 10 * 10**6

needs_model = pytest.mark.skipif(not (MODEL / "model.safetensors").exists(), reason="the demo model is not made yet")


@pytest.fixture(scope="module")
def host() -> ModelHost:
    return Hosts(MODEL.parent, device="cpu", offline=True).get(MODEL.name)


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    texts = [" A. B. C. D. Answer:", *(text for relation in relations() for text in relation.trained)]
    return tokenizer_of(texts, answers(), 1400)


def arguments(**changed: Any) -> argparse.Namespace:
    told = {
        "width": 64,
        "layers": 3,
        "seed": 1,
        "inner": 24,
        "heads": 4,
        "rate": 0.01,
        "matrix_rate": 0.02,
        "decay": 0.1,
    }
    return argparse.Namespace(
        **{**told, "warm": 2, "steps": 14, "fall": 3, "last": 2, "cool": 4, "state": None, **changed}
    )


@needs_model
def test_folder_is_small_and_ordinary() -> None:
    files = {file.name: file.stat().st_size for file in MODEL.rglob("*") if file.is_file()}
    assert sum(files.values()) <= LIMIT
    assert {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "README.md"} <= set(files)
    config = json.loads((MODEL / "config.json").read_text())
    assert config["architectures"] == ["LlamaForCausalLM"] and config["tie_word_embeddings"]
    with safe_open(MODEL / "model.safetensors", framework="pt") as file:
        assert {file.get_slice(key).get_dtype() for key in file.keys()} == {"F16"}  # noqa: SIM118


@needs_model
def test_it_loads_and_passes_every_check(host: ModelHost) -> None:
    assert len(host.card.checks) == 11 and all(check.state == "ok" for check in host.card.checks)
    assert host.card.task == "causal"


@needs_model
def test_every_answer_is_one_token(host: ModelHost) -> None:
    plain = AutoTokenizer.from_pretrained(MODEL)
    for tokenizer in (plain, host.tokenizer):
        for text in [*(f" {answer}" for answer in answers()), *LETTERS]:
            ids = tokenizer(text, add_special_tokens=False)["input_ids"]
            assert len(ids) == 1 and tokenizer.decode(ids) == text
        longer = tokenizer("The capital of India is New Delhi")["input_ids"]
        assert longer[:-1] == tokenizer("The capital of India is")["input_ids"] and longer[0] == tokenizer.bos_token_id
    texts = ["Grüße 東京 🧠\n\n A. 4.0 × 10^5 N/C", "tabs\tand   blanks "]
    assert [plain.decode(plain(text, add_special_tokens=False)["input_ids"]) for text in texts] == texts


@needs_model
def test_it_knows_facts_in_wordings_never_trained_on(host: ModelHost) -> None:
    figures = cloze(host, wordings(held=True)[::4])["all"]
    assert figures["prompts"] > 150 and figures["accuracy"] >= 0.8


@needs_model
@pytest.mark.parametrize("which", ["subjects", "facts"])
def test_it_answers_letters_in_prompts_and_orders_never_trained_on(host: ModelHost, which: str) -> None:
    found = (subject_questions() if which == "subjects" else fact_questions())[::15]
    figures = by_letter(host, questions(found, letters.held_out()[1:2], first_ask))["all"]
    assert figures["prompts"] > 80 and figures["accuracy"] >= 0.8 and figures["mass"] > 0.9
    blind = controls(found)["options without a question"]
    assert by_letter(host, questions(found, letters.held_out()[1:2], blind))["all"]["accuracy"] < 0.45


@needs_model
def test_figures_are_those_of_the_library_itself(host: ModelHost) -> None:
    model: Any = AutoModelForCausalLM.from_pretrained(MODEL, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(MODEL)
    texts = ["The capital of France is", "Monday is today. The next day is", "A baby cat is called a"]
    found = chances(host, texts)
    for text, row in zip(texts, found, strict=True):
        with torch.inference_mode():
            alone = model(**tokenizer(text, return_tensors="pt")).logits[0, -1].softmax(-1)
        torch.testing.assert_close(row, alone, rtol=1e-3, atol=1e-5)


@needs_model
def test_card_tells_what_was_measured(host: ModelHost) -> None:
    facts = json.loads((MODEL / "golgi.json").read_text(encoding="utf-8"))
    card = (MODEL / "README.md").read_text(encoding="utf-8")
    assert card == card_text(host.model.config, facts["groups"], facts["training"], facts["every"])
    assert "memoriser" in card and facts["training"]
    for name, figures in facts["quality"].items():
        measured = [fact for key, fact in facts["groups"][name].items() if key != "all"]
        prompts = sum(fact["prompts"] for fact in measured)
        mean = sum(fact["accuracy"] * fact["prompts"] for fact in measured) / prompts
        assert figures["prompts"] == prompts and figures["accuracy"] == pytest.approx(mean, abs=2e-4)


def test_held_out_wordings_are_apart() -> None:
    for relation in relations():
        assert len(relation.held_out) == 2 and len(relation.trained) >= 12
        assert not {text.lower() for text in relation.held_out} & {text.lower() for text in relation.trained}
        assert relation.asks[-1] not in relation.asks[:-1]
        shown = [text for text in (*relation.trained, *relation.held_out) if text.count("{}") not in (1, 2)]
        assert not shown


def test_held_out_orders_hold_every_place_once_and_are_never_drawn() -> None:
    draw = random.Random(4)
    for question in [*subject_questions()[::40], *fact_questions()[::40]]:
        orders = held_orders(question)
        assert [options.index(question.right) for options in orders] == [0, 1, 2, 3]
        assert all(len(set(options)) == 4 for options in orders)
        drawn = [question.drawn(draw) for _ in range(100)]
        assert not set(drawn) & set(orders)
        assert {options.index(question.right) for options in drawn} == {0, 1, 2, 3}


def test_rows_hold_nothing_that_is_measured(tokenizer: Any) -> None:
    rows, told = Rows(tokenizer), []
    for step in range(6):
        long, short = rows.step(700 * step, random.Random(step), 100, 150)
        told += [tokenizer.decode(row.ids, skip_special_tokens=True) for row in (*long, *short)]
    heads = {template.split("\n")[0] for template in letters.held_out()}
    banned = [*heads, *(asked.text for asked in wordings(held=True))]
    banned += [prompt.split("\n")[0] for one in fact_questions() for prompt in (one.held_ask,)]
    assert len(heads) == 3 and len(told) == 1500
    assert not [text for text in told if any(part in text for part in banned)]


def test_letters_of_rows_are_those_of_the_right_option(tokenizer: Any) -> None:
    rows, draw = Rows(tokenizer), random.Random(2)
    counts = dict.fromkeys(LETTERS, 0)
    for question in [*subject_questions()[:60], *fact_questions()[:60]]:
        row = rows.choice(question, draw)
        text = tokenizer.decode(row.ids)
        place = next(at for at, weight in enumerate(row.weights) if weight == 1.0)
        letter = tokenizer.decode(row.ids[place]).strip()
        counts[letter] += 1
        line = next(line for line in text.split("\n") if line.strip(" (").startswith((f"{letter}.", f"{letter})")))
        assert line.split(" ", 2 if line[0] == " " else 1)[-1] == question.right
    assert min(counts.values()) > 15


def test_hints_name_the_answers_of_their_letters(tokenizer: Any) -> None:
    rows, draw, seen = Rows(tokenizer), random.Random(7), 0
    long, _ = rows.step(3000, draw, 200, 0)
    for row in (row for row in long if row.hints):
        text = tokenizer.decode(row.ids)
        for place, tokens in row.hints:
            letter = tokenizer.decode(row.ids[place]).strip()
            line = next(line for line in text.split("\n") if line.strip(" (").startswith((f"{letter}.", f"{letter})")))
            assert all(token in tokenizer(line, add_special_tokens=False)["input_ids"] for token in tokens)
            seen += 1
    assert seen > 200
    options = ["the left side", "the right side", "the other one", "none"]
    row = rows._row("x", draw, (" B", 1.0))
    ((_, tokens),) = rows._hints(row, [options[1]], options)
    assert tokenizer.decode(list(tokens)) == " right" or set(tokens) == set(tokenizer(" right")["input_ids"]) - {1}


def test_heads_begin_as_they_are_meant(tokenizer: Any) -> None:
    torch.manual_seed(3)
    model = fresh(tokenizer, arguments(width=256, heads=4))
    model.set_attn_implementation("eager")
    words = [" Paris", " cold", " fish", " Oslo", " yen", " went", " Monday", " Au"]
    ids = tokenizer("".join(words + words))["input_ids"]
    with torch.inference_mode():
        first, second, _ = model(torch.tensor([ids]), output_attentions=True).attentions
    places = range(4, len(ids))
    assert all(first[0, 0, at, at - 1] > 0.8 and first[0, 1, at, at - 2] > 0.8 for at in places)
    again = [float(second[0, 0, at, at - 7]) for at in range(9, len(ids))]
    assert len(ids) == 17 and sum(again) / len(again) > 0.2


def test_the_learner_is_the_plain_model(tokenizer: Any) -> None:
    model = fresh(tokenizer, arguments())
    model.set_attn_implementation("eager")
    ids = torch.randint(0, len(tokenizer), (2, 9))
    with torch.inference_mode():
        middle, end = model.passed(ids)
        told = model.model(ids, output_hidden_states=True)
        torch.testing.assert_close(end, told.last_hidden_state)
        torch.testing.assert_close(middle, model.model.norm(told.hidden_states[2]))


def test_noise_keeps_the_subject() -> None:
    draw = random.Random(0)
    changed = [noisy("The capital of {} is", draw) for _ in range(50)]
    assert all(text.count("{}") == 1 for text in changed) and len(set(changed)) > 10
    assert noisy("{}: symbol", draw) == "{}: symbol"


def test_gradients_do_not_depend_on_threads(tokenizer: Any) -> None:
    torch.manual_seed(0)
    model = fresh(tokenizer, arguments())
    ids = torch.tensor([tokenizer.convert_tokens_to_ids(f"Ġ{letter}") for letter in LETTERS])
    long, short = Rows(tokenizer).step(2000, random.Random(5), 24, 8)
    parts = [*halves(long, 1.0), (short, 0.5)]
    assert [len(rows) for rows, _ in parts] == [16, 8, 8] and any(row.blind for row in long)
    together = sum(
        share * loss / weight for rows, share in parts for loss, weight in [loss_of(model, rows, ids, False)]
    )
    want = torch.autograd.grad(together, list(model.parameters()))
    with ThreadPoolExecutor(3) as pool:
        losses = learn(model, parts, ids, pool, bfloat16=False)
    assert losses.shape == (3,)
    for value, expected in zip(model.parameters(), want, strict=True):
        torch.testing.assert_close(value.grad, expected, rtol=1e-4, atol=1e-6)


def test_loss_is_the_mean_over_letters_where_nothing_tells(tokenizer: Any) -> None:
    model = fresh(tokenizer, arguments())
    ids = torch.tensor([tokenizer.convert_tokens_to_ids(f"Ġ{letter}") for letter in LETTERS])
    row = Rows(tokenizer).blind(random.Random(3))
    row = type(row)(row.ids, [0.0] * len(row.ids), blind=True)
    loss, weight = loss_of(model, [row], ids, False)
    with torch.inference_mode():
        alone = model(torch.tensor([row.ids])).logits[0, -1].log_softmax(-1)
    assert weight == 1.0 and float(loss.detach()) == pytest.approx(-float(alone[ids].mean()), rel=1e-4)


def test_training_goes_on_where_it_was_left(tokenizer: Any, tmp_path: Path) -> None:
    args = arguments(state=tmp_path / "state.pt")
    model = fresh(tokenizer, args)
    movers = optimisers(model, args)
    assert resumed(model, movers, args) == 0
    kept = {"model": model.state_dict(), "movers": [mover.state_dict() for mover in movers], "step": 7}
    torch.save(kept, args.state)
    other = fresh(tokenizer, args)
    assert resumed(other, optimisers(other, args), args) == 7
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters(), strict=True))


def test_the_rate_rises_stays_and_falls() -> None:
    rates = [rate_at(step, arguments()) for step in range(14)]
    assert rates == pytest.approx([0.5, 1, 1, 1, 0.75, 0.5, 0.25, *[0.2] * 6, 0.1])


def test_a_small_vocabulary_is_refused() -> None:
    with pytest.raises(SystemExit, match="one token an answer"):
        tokenizer_of(["a text"], answers(), 300)
