"""Neurons in texts, against plain hooks and plain loops."""

import io
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from asking import file_of
from fastapi.testclient import TestClient
from tiny import save_tiny

from app.analysis.separation import separation
from app.main import Golgi, build
from app.models.host import ModelHost
from app.settings import Settings

NEURONS = ("L0.mid.3", "L1.mid.7", "L1.resid.2")
PAIRS = [
    ("q1", "what causes rain", "p1", "rain falls because clouds hold water", 1),
    ("q1", "what causes rain", "p2", "the lazy dog", 0),
    ("q2", "what causes clouds", "p3", "clouds hold water over the sea", 1),
    ("q2", "what causes clouds", "p4", "the quick brown fox jumps over the lazy dog", 0),
    ("q2", "what causes clouds", "p5", "rain rain rain", 0),
]


def work(golgi: Golgi) -> None:
    while golgi.worker.run_once():
        pass


@pytest.fixture
def stored(golgi: Golgi, tmp_path: Path) -> Golgi:
    """A dataset of five judged pairs."""
    path = tmp_path / "pairs.tsv"
    rows = [f"{query}\t{passage}\t{grade}" for _, query, _, passage, grade in PAIRS]
    path.write_text("query\tpassage\tlabel\n" + "\n".join(rows) + "\n", encoding="utf-8")
    golgi.services.datasets.bring(path, {"name": "five"})
    work(golgi)
    return golgi


def asked(golgi: Golgi, look: str = "", **values: Any) -> Any:
    """The report of a run over texts."""
    run = golgi.services.requests.start("activations", {"model": "tiny-bert", "neurons": NEURONS, **values})
    work(golgi)
    return golgi.services.pages.report(run.id, {"neuron": look})


def slow(host: ModelHost, query: str, passage: str) -> list[tuple[str, str, list[float]]]:
    """(word, segment, activations) of every token of a pair, by plain hooks on the modules."""
    tokenizer, kept = host.tokenizer.own if hasattr(host.tokenizer, "own") else host.tokenizer, {}
    coded = tokenizer(query, passage, return_tensors="pt", return_offsets_mapping=True)
    layers = host.model.bert.encoder.layer
    hooks = [
        layers[0].output.dense.register_forward_pre_hook(lambda _, args: kept.update(a=args[0][0, :, 3])),
        layers[1].output.dense.register_forward_pre_hook(lambda _, args: kept.update(b=args[0][0, :, 7])),
        layers[1].register_forward_hook(lambda _, __, out: kept.update(c=(out[0] if isinstance(out, tuple) else out))),
    ]
    offsets = coded.pop("offset_mapping")[0].tolist()
    with torch.no_grad():
        host.model(**coded)
    for hook in hooks:
        hook.remove()
    resid = kept["c"] if kept["c"].dim() == 2 else kept["c"][0]
    values = torch.stack([kept["a"], kept["b"], resid[:, 2]], dim=1)
    found = []
    for at, part in enumerate(coded.sequence_ids(0)):
        if part is not None:
            start, end = offsets[at]
            text = (query, passage)[part][start:end]
            found.append((f"{part}:{coded.word_ids(0)[at]}:{text}", str(part), values[at].tolist()))
    return found


def every(golgi: Golgi) -> list[list[tuple[str, str, list[float]]]]:
    host = golgi.worker.hosts.get("tiny-bert")
    return [slow(host, query, passage) for _, query, _, passage, _ in PAIRS]


def test_numbers_are_those_of_plain_hooks(stored: Golgi) -> None:
    report = asked(stored, dataset="five")
    tokens = every(stored)
    for at, one in enumerate(report.view.neurons):
        values = np.asarray([values[at] for text in tokens for _, _, values in text])
        assert (one.neuron, one.texts, one.tokens) == (NEURONS[at], 5, len(values))
        assert one.mean == pytest.approx(values.mean(), abs=1e-6)
        assert one.sd == pytest.approx(values.std(), abs=1e-6)
        assert one.above == pytest.approx((values > 0).mean())
        assert (one.high, one.low) == (pytest.approx(values.max(), abs=1e-6), pytest.approx(values.min(), abs=1e-6))
        assert sum(row[2] for row in one.figure.rows) == len(values)
        for start, end, count in one.figure.rows:
            assert count == pytest.approx(((values >= start - 1e-7) & (values < end - 1e-7)).sum(), abs=1)


def test_texts_stand_by_their_extremes_with_every_token(stored: Golgi) -> None:
    tokens = every(stored)
    for at, name in enumerate(NEURONS):
        chosen = asked(stored, dataset="five", look=name).view.chosen
        peaks = sorted((max(values[at] for _, _, values in text) for text in tokens), reverse=True)
        lows = sorted(min(values[at] for _, _, values in text) for text in tokens)
        assert [text.peak for text in chosen.strongest] == pytest.approx(peaks, abs=1e-6)
        assert [text.peak for text in chosen.weakest] == pytest.approx(lows, abs=1e-6)
        best = max(tokens, key=lambda text: max(values[at] for _, _, values in text))
        shown = [word.score for words in chosen.strongest[0].parts.values() for word in words if word.score is not None]
        assert shown == pytest.approx([values[at] for _, _, values in best], abs=1e-6)


def test_words_are_means_over_occurrences(stored: Golgi) -> None:
    sums: dict[str, list[float]] = defaultdict(list)
    for text in every(stored):
        pieces: dict[str, list[tuple[str, float]]] = defaultdict(list)
        for name, _, values in text:
            part, word, piece = name.split(":", 2)
            pieces[f"{part}:{word}"].append((piece, values[0]))
        for rows in pieces.values():
            sums["".join(piece for piece, _ in rows).casefold()].append(float(np.mean([value for _, value in rows])))
    one = asked(stored, dataset="five").view.neurons[0]
    often = sum(len(values) >= 3 for values in sums.values())
    assert one.least == (3 if often >= 6 else 1)
    assert one.rare == sum(len(values) < one.least for values in sums.values())
    told = {word.text: (word.mean, word.count) for word in (*one.words, *one.low_words)}
    assert set(told) == {word for word, values in sums.items() if len(values) >= one.least}
    for word, (mean, count) in told.items():
        assert (mean, count) == (pytest.approx(np.mean(sums[word]), abs=1e-6), len(sums[word]))
    means = [word.mean for word in one.words]
    assert means == sorted(means, reverse=True)


def test_classes_are_those_of_the_judgements(stored: Golgi) -> None:
    tokens = every(stored)
    one = asked(stored, dataset="five").view.neurons[1]
    peaks = [max(values[1] for _, _, values in text) for text in tokens]
    relevant = [peak for peak, pair in zip(peaks, PAIRS, strict=True) if pair[4]]
    others = [peak for peak, pair in zip(peaks, PAIRS, strict=True) if not pair[4]]
    found = one.classes[0]
    assert found.counts == (2, 3) and found.unjudged == 0
    assert found.relevant[0] == pytest.approx(np.mean(relevant), abs=1e-6)
    assert found.difference[0] == pytest.approx(np.mean(relevant) - np.mean(others), abs=1e-6)
    assert found.auroc[0] == pytest.approx(np.mean([(a > b) + (a == b) / 2 for a in relevant for b in others]))


def test_auroc_and_intervals_against_scipy_and_a_loop() -> None:
    from scipy.stats import mannwhitneyu

    rng = np.random.default_rng(1)
    values, relevant = rng.integers(0, 6, 60).astype(float), rng.random(60) < 0.4
    queries = [f"q{at // 3}" for at in range(60)]
    found = separation(values, relevant, queries)
    assert found is not None
    expected = mannwhitneyu(values[relevant], values[~relevant]).statistic / (relevant.sum() * (~relevant).sum())
    assert found.auroc.value == pytest.approx(expected)
    assert found.auroc.low <= found.auroc.value <= found.auroc.high
    drawn = np.random.default_rng(0).multinomial(20, np.full(20, 1 / 20), size=1000)
    names = np.unique(queries)
    means = []
    for counts in drawn:
        rows = [
            at
            for name, n in zip(names, counts, strict=True)
            for _ in range(n)
            for at in range(60)
            if queries[at] == name
        ]
        means.append(values[rows][relevant[rows]].mean())
    assert found.relevant.low == pytest.approx(np.quantile(means, 0.025))
    assert separation(values, relevant | True, queries) is None


def test_shards_fold_to_the_same(stored: Golgi, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = asked(stored, dataset="five").view
    monkeypatch.setattr("app.kinds.activations.work.TEXTS", 2)
    monkeypatch.setattr("app.kinds.activations.work.TOKENS", {"cpu": 20})
    parts = asked(stored, dataset="five", seed=0, kept=9).view
    for one, other in zip(whole.neurons, parts.neurons, strict=True):
        assert [(w.text, w.count) for w in other.words] == [(w.text, w.count) for w in one.words]
        assert [w.mean for w in other.words] == pytest.approx([w.mean for w in one.words], abs=1e-6)
        assert other.above == one.above
        assert (other.mean, other.sd, other.high) == pytest.approx((one.mean, one.sd, one.high), abs=1e-6)
        assert [row[2] for row in other.figure.rows] == [row[2] for row in one.figure.rows]
    assert [t.peak for t in parts.chosen.strongest] == pytest.approx([t.peak for t in whole.chosen.strongest], abs=1e-6)


def test_prompts_and_pasted_texts_are_read(tmp_path: Path) -> None:
    save_tiny(tmp_path / "models" / "tiny-llama", "Llama")
    golgi = build(
        Settings(data_dir=tmp_path, models_dir=tmp_path / "models", offline=True, device="cpu"), recorded=None
    )
    golgi.services.questions.bring(str(file_of(tmp_path)), {"name": "mine"})
    for values, count in (({"questions": "mine"}, 18), ({"texts": ["rain falls", "the dog"]}, 2)):
        run = golgi.services.requests.start("activations", {"model": "tiny-llama", "neurons": ["L0.mid.1"], **values})
        work(golgi)
        report: Any = golgi.services.pages.report(run.id)
        assert report.run.state == "done", report.run.error
        assert report.view.chosen.texts == count and not report.view.chosen.classes
    golgi.db.close()


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"neurons": ""}, "neurons to look at"),
        ({"neurons": "nonsense"}, "a neuron written L"),
        ({"neurons": "L0.head.1"}, "neurons, which have one activation a token"),
        ({"dataset": ""}, "texts to read"),
        ({"dataset": "none such"}, "the name of a stored dataset"),
        ({"texts": "rain"}, "one source of texts"),
        (
            {"dataset": "", "texts": "rain", "query": "dog", "model": "tiny-mlm"},
            "no query for a model that reads one text",
        ),
        ({"set": "9223372036854775808"}, "Correct &#39;Saved sets&#39;"),
        ({"limit": "0"}, "At most so many texts"),
    ],
)
def test_bad_input_is_told_in_sentences(stored: Golgi, values: dict[str, str], told: str) -> None:
    client = TestClient(stored.app(), follow_redirects=False)
    good = {"model": "tiny-bert", "neurons": "L0.mid.3", "dataset": "five"}
    refused = client.post("/activations", data={**good, **values})
    assert refused.status_code in (400, 404, 422) and told in refused.text, refused.text[:3000]
    assert "L0.mid.3" in refused.text or "neurons" in values
    assert client.post("/activations", data=good).status_code == 303


def test_its_page_shows_it_and_its_exports_hold_it(stored: Golgi, tmp_path: Path) -> None:
    asked(stored, dataset="five")
    client = TestClient(stored.app())
    page = client.get("/runs/1?neuron=L1.mid.7")
    assert page.status_code == 200 and "Strongest texts" in page.text and "AUROC" in page.text
    for form in ("csv", "json", "parquet", "bundle"):
        assert client.get(f"/runs/1/export/{form}").status_code == 200
    assert client.get("/runs/1/figures/activation.csv?neuron=L1.mid.7").status_code == 200
    bundle = client.get("/runs/1/export/bundle").content
    settings = Settings(data_dir=tmp_path / "other", models_dir=tmp_path / "none", offline=True, device="cpu")
    other = build(settings, recorded=None)
    there: Any = other.services.pages.report(other.services.exports.bring(io.BytesIO(bundle)).id)
    assert there.sentences == stored.services.pages.report(1).sentences
    other.db.close()
    assert client.get("/runs/1.json").status_code == 200
    assert client.get("/activations").status_code == 200


def test_a_neurons_page_shows_its_texts_and_scores(stored: Golgi) -> None:
    client = TestClient(stored.app(), follow_redirects=False)
    before = client.get("/neurons/tiny-bert/L1.mid.7").text
    assert (
        "No run has looked at it in texts yet" in before
        and "/activations?model=tiny-bert&amp;neurons=L1.mid.7" in before
    )
    asked(stored, dataset="five")
    pair = {"model": "tiny-bert", "query": "what causes rain", "passages": "rain falls", "steps": "4"}
    client.post("/explain", data=pair)
    work(stored)
    page = client.get("/neurons/tiny-bert/L1.mid.7")
    assert (
        page.status_code == 200
        and "Strongest texts" in page.text
        and "What feeds it in its strongest text?" in page.text
    )
    view = stored.services.pages.neuron("tiny-bert", "L1.mid.7")
    assert view.firing is not None and view.firing.run == 1 and view.figure is not None
    ((_, _, method, score, error, n, share),) = view.figure.rows
    scores = stored.worker.results.scores(2)
    strongest = np.abs(scores.of("all")).max()
    assert (method, n, error) == ("Neuron Integrated Gradients", 1, 0.0)
    assert share == pytest.approx(score / strongest, rel=1e-5) and score == pytest.approx(view.rows[0]["score"])
    for name in ("scores", "activation"):
        assert client.get(f"/neurons/tiny-bert/L1.mid.7/{name}.csv").status_code == 200
    assert client.get("/neurons/tiny-bert/L1.mid.7/nothing.csv").status_code == 404
    neuron_table = client.get("/runs/2").text
    assert "/activations?model=tiny-bert&amp;neurons=L" in neuron_table


def test_a_set_lists_what_runs_tell_of_its_members(stored: Golgi) -> None:
    client = TestClient(stored.app(), follow_redirects=False)
    asked(stored, dataset="five")
    client.post("/sets", data={"name": "mine", "model": "tiny-bert", "neurons": "L0.mid.3\nL0.mid.4"})
    page = client.get("/sets/1").text
    told = stored.services.pages.members(
        "tiny-bert", stored.services.sets.get(1).weights_hash, ("L0.mid.3", "L0.mid.4")
    )
    first, second = told.lines
    assert first.firing is not None and second.firing is None and second.read is None and told.runs == (1,)
    assert first.firing.words[0].text in page and "Words with the largest mean activation" in page
    sent = client.post("/activations", data={"model": "tiny-bert", "set": "1", "dataset": "five"})
    assert sent.status_code == 303, "all members by the set"
    assert stored.services.runs.get(2).spec.settings["neurons"] == ["L0.mid.3", "L0.mid.4"]
