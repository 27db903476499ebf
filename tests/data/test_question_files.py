"""Files of questions: every layout, what is found in them, what is refused, and the way out and in again."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.data import question_files
from app.data.question_files import Brought, as_lines, read_questions
from app.data.question_prompts import made, options_of
from app.domain.errors import BadInput
from app.domain.question_import import Reading
from app.domain.question_sets import QuestionQuery, Wording, content_hash

LISTED = "What?\n A. one\n B. two\n C. three\n D. four\n\nReply:"
EXAM = {"id": "e1", "lang": "en", "subject": "Biology", "question": "What {x}?", "choices": list("wxyz"), "answer": 2}


def read(value: object, **reading: object) -> Brought:
    body = value if isinstance(value, bytes) else (value if isinstance(value, str) else json.dumps(value)).encode()
    return read_questions(body, Reading.model_validate(reading))


def counts(brought: Brought) -> dict[str, int]:
    return {finding.title: finding.count for finding in brought.findings if finding.count}


def test_prompts_and_letters_by_id() -> None:
    row = {"sentences": [LISTED, LISTED], "obj_label": ["B", "C"], "relation_name": "Physics", "ori_label": "two"}
    brought = read({"q": row})
    assert brought.layout == "qrnca" and counts(brought) == {}
    options = ("one", "two", "three", "four")
    wordings = (Wording(LISTED, "B", options), Wording(LISTED, "C", options))
    assert brought.queries == (QuestionQuery("q", "Physics", wordings, "two"),)


def test_exam_questions_get_three_prompts() -> None:
    brought = read(EXAM)
    (query,) = brought.queries
    assert brought.layout == "exams" and query.domain == "Biology" and query.answer == "y"
    assert read(EXAM, domain_by="language").queries[0].domain == "en"
    assert len({w.prompt for w in query.wordings}) == len({w.target for w in query.wordings}) == 3
    for wording in query.wordings:
        assert wording.options["ABCD".index(wording.target)] == "y"
        assert "What {x}?" in wording.prompt and options_of(wording.prompt) == wording.options
        assert wording.prompt.endswith(":")
    assert read(EXAM).queries == brought.queries
    assert read(EXAM, seed=1).queries != brought.queries
    assert brought.report(Reading(seed=0))["seed"] == 0


@given(st.text(max_size=20), st.integers(2, 10), st.integers(0, 2**40))
def test_the_right_option_stands_at_other_letters(key: str, options: int, seed: int) -> None:
    choices = [f"option {number}" for number in range(options)]
    wordings = made(key, "?", choices, options - 1, seed)
    assert len({wording.target for wording in wordings}) == min(3, options)
    assert all(sorted(wording.options) == sorted(choices) for wording in wordings)


def test_facts_fill_their_templates() -> None:
    facts = [{"subject": "France", "object": "Paris"}]
    brought = read({"capital": {"domain": "geography", "templates": ["{} has", "In {}, {} has"], "facts": facts}})
    wordings = (Wording("France has", "Paris"), Wording("In France, France has", "Paris"))
    assert brought.layout == "cloze"
    assert brought.queries == (QuestionQuery("capital:France", "capital", wordings, "Paris"),)


@pytest.mark.parametrize("mark", ["\t", ",", ";"])
def test_tables_of_prompts(mark: str) -> None:
    rows = [["key", "domain", "prompt_1", "prompt_2", "target", "target_2"], ["k", "d", "one", "two", "x", "y"]]
    brought = read("\n".join(mark.join(row) for row in rows))
    assert brought.layout == "table"
    assert brought.queries == (QuestionQuery("k", "d", (Wording("one", "x"), Wording("two", "y"))),)


def test_columns_of_other_names() -> None:
    brought = read("text,gold\nhello,world\n", layout="table", columns={"prompt": "text", "target": "gold"})
    assert brought.queries == (QuestionQuery("line-2", "", (Wording("hello", "world"),)),)


def test_multiple_choice_tables() -> None:
    brought = read("question,A,B,C,D,answer\nWhat?,one,two,three,four,C\nWho?,a,b,c,d,b\n")
    assert brought.layout == "choices"
    assert [query.answer for query in brought.queries] == ["three", "b"]


@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings(coding: str) -> None:
    assert read('{"prompt": "Où", "target": "là"}'.encode(coding)).queries[0].wordings == (Wording("Où", "là"),)


def test_every_check_is_counted_with_its_first_examples() -> None:
    twice = LISTED.replace("two", "one")
    rows = [
        {"key": "twice", "prompt_1": twice, "prompt_2": twice, "target": "B"},
        {"key": "letter", "prompt_1": LISTED, "prompt_2": LISTED + " ", "target": "E"},
        {"key": "one", "prompt": "a", "target": "b"},
        {"key": "one", "prompt": "a", "target": "c"},
        {"key": "same", "prompt": "a", "target": "b"},
        {"key": "empty", "prompt": " ", "target": "b"},
        {"key": "no-target", "prompt_1": "x", "target_1": " ", "prompt_2": "y", "target_2": "z"},
    ]
    brought = read("\n".join(map(json.dumps, rows)))
    assert counts(brought) == {
        "empty prompts": 1,
        "targets of no text": 1,
        "queries without a wording": 1,
        "duplicate keys": 1,
        "not exactly four distinct options": 1,
        "an option twice": 1,
        "the right letter is the same in all wordings": 2,
        "fewer than two letters a query": 2,
        "a target that is no letter of the options": 1,
        "a prompt that ends with a blank": 1,
        "queries with one wording": 3,
        "duplicate queries": 1,
    }
    found = {finding.title: finding for finding in brought.findings}
    assert found["empty prompts"].examples == ("empty (line 6, wording 1)",)
    assert brought.read == 7 and [query.key for query in brought.queries] == [
        *("twice", "letter", "one", "same", "no-target")
    ]


MALFORMED = {
    "nothing": b"",
    "bytes": b"\xff\xfe\xff",
    "latin": "prompt,target\nOù,là\n".encode("latin-1"),
    "zeros": b"prompt,target\na\0,b\n",
    "half": b'{"prompt": "\\ud800", "target": "x"}',
    "no JSON": b"{",
    "a list": b"[1, 2]",
    "deep": b"[" * 100_000,
    "name twice": b'{"a": {"sentences": []}, "a": {"sentences": []}}',
    "names": b'{"x": 1}',
    "columns": b"x,y\n1,2\n",
    "quote": b'prompt,target\n"a,b\n',
    "cells": b"prompt,target\na\n",
    "column twice": b"prompt,prompt,target\na,b,c\n",
    "no rows": b"prompt,target\n",
    "no target": b'{"prompt": "x"}',
    "number of letters": b'{"q": {"sentences": ["a"], "obj_label": [], "relation_name": "r"}}',
    "letters": b'{"q": {"sentences": ["a"], "obj_label": [1], "relation_name": "r"}}',
    "template": b'{"r": {"templates": ["x"], "facts": []}}',
    "facts": b'{"r": {"templates": ["{}"], "facts": 1}}',
    "fact": b'{"r": {"templates": ["{}"], "facts": [1]}}',
    "wordings": b'{"key": "k", "wordings": [1]}',
    "answer": json.dumps({**EXAM, "answer": 4}).encode(),
    "truth": json.dumps({**EXAM, "answer": True}).encode(),
    "letter": b"question,A,B,answer\nq,a,b,Z\n",
    "only empty": b'{"prompt": " ", "target": "x"}',
}


@pytest.mark.parametrize("name", MALFORMED)
def test_broken_files_get_a_sentence(name: str) -> None:
    with pytest.raises(BadInput) as caught:
        read(MALFORMED[name])
    assert caught.value.expected and caught.value.found and caught.value.remedy


def test_bounds_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(question_files, "MOST_QUERIES", 2)
    with pytest.raises(BadInput, match="at most 2 queries"):
        read("prompt,target\na,b\nc,d\ne,f\n")
    monkeypatch.setattr(question_files, "MOST_BYTES", 10)
    with pytest.raises(BadInput, match="a file of at most"):
        read("prompt,target\na,b\n")


TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=30)
FULL = TEXT.filter(str.strip)
WORDING = st.builds(Wording, FULL, FULL.map(str.strip), st.lists(TEXT, max_size=4).map(tuple))
QUERY = st.builds(QuestionQuery, FULL, TEXT, st.lists(WORDING, min_size=1, max_size=3).map(tuple), TEXT)


@given(st.lists(QUERY, min_size=1, max_size=5, unique_by=lambda query: query.key))
def test_what_is_exported_reads_back_the_same(queries: list[QuestionQuery]) -> None:
    again = read(as_lines(queries))
    assert again.queries == tuple(queries)
    assert content_hash(again.queries) == content_hash(queries)


def test_the_built_in_facts_are_whole() -> None:
    folder = Path(question_files.__file__).parents[1] / "demo" / "cloze_facts"
    brought = read((folder / "facts.json").read_bytes())
    assert len(brought.queries) == 335 and counts(brought) == {}
    assert json.loads((folder / "META.json").read_text())["licence"] == "CC0-1.0"
