"""Titles that a person would give, of asked runs and of recorded ones."""

from pathlib import Path

import pytest

from app.domain.interventions import Op
from app.kinds import kind_of
from app.kinds.explain.question import ExplainQuestion
from app.kinds.titles import both_ends, done_to, start_of
from app.main import Golgi, build
from app.settings import Settings


def test_long_texts_are_cut_between_words() -> None:
    assert start_of(" a\n b ") == "a b" and start_of("word " * 40, 20) == "word word word…"
    assert len(start_of("x" * 500, 90)) <= 90 and len(both_ends("y" * 500, 90)) <= 91
    told = both_ends("Once upon a time " * 20 + "The capital of France is", 60)
    assert told.startswith("Once upon a time") and told.endswith("capital of France is") and "…" in told
    assert done_to(Op.ZERO, 0.0) == "off" and done_to(Op.SCALE, 0.5) == "× 0.5"
    assert all(done_to(op, 1.0) for op in Op)


@pytest.mark.parametrize(
    ("asked", "title"),
    [
        ({"query": "The capital of France is", "target": {"token": " Paris"}}, "' Paris' (The capital of France is)"),
        ({"query": "The capital of France is"}, "The capital of France is"),
        ({"query": "what causes rain", "passages": ["clouds"]}, "what causes rain"),
        ({"query": "what causes rain", "passages": ["a", "b"]}, "what causes rain (2 passages)"),
        (
            {"query": "rain", "passages": ["a", "b"], "target": {"name": "pairwise"}},
            "rain (one passage against another)",
        ),
        (
            {"query": "rain", "passages": ["a"], "target": {"name": "activation", "neuron": "L1.mid.2"}},
            "L1.mid.2 on rain",
        ),
        ({"query": "rain", "passages": ["a"], "params": {"preset": "heads"}}, "rain, by heads"),
    ],
)
def test_an_explanation_is_called_by_its_input(asked: dict[str, object], title: str) -> None:
    question = ExplainQuestion.model_validate(asked)
    assert kind_of("explain").ask.title(question, {}) == title


def test_recorded_runs_go_by_names_of_people_unless_they_were_renamed(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, models_dir=tmp_path / "models", offline=True, device="cpu")
    golgi = build(settings)
    titles = {run.id: run.title for run in golgi.services.pages.recorded()}
    assert "top 1 % off: where can i find information on Beckwith-Wieddeman Syndrome?" in titles.values()
    assert "liveqa_med: relevance neurons" in titles.values()
    assert "scifact: selqa relevance neurons and 4 more off" in titles.values()
    number = next(number for number, title in titles.items() if title == "liveqa_med: relevance neurons")
    golgi.services.runs.change(number, title="mine")
    _older(golgi, 2, "top 1 % of run 1: zero")
    golgi.db.close()
    again = build(settings)
    assert again.services.runs.get(number).title == "mine"
    assert again.services.runs.get(2).title == titles[2]
    found, _ = again.services.runs.find(filters={"q": "non-relevance neurons"})
    assert [run.title for run in found] == ["liveqa_med: non-relevance neurons"]
    again.db.close()


def _older(golgi: Golgi, number: int, title: str) -> None:
    """A recorded run under the name that an older version stored."""
    golgi.services.runs.change(number, title=title)
