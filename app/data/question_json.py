"""Layouts that are JSON: QRNCA's, exam questions, cloze facts, and our own with a mapping."""

from collections.abc import Iterator, Mapping
from typing import Any

from app.data.question_prompts import made, options_of
from app.data.question_text import json_lines, parsed, word, words, wrong
from app.domain.question_import import Placed, Reading
from app.domain.question_sets import QuestionQuery, Wording


def _object(text: str) -> dict[str, Any]:
    value = parsed(text, "the whole file")
    if not isinstance(value, dict):
        raise wrong("the whole file", "a JSON object", type(value).__name__)
    return value


def qrnca(text: str, reading: Reading) -> Iterator[Placed]:
    """``{id: {sentences, obj_label, relation_name}}``; options are read off the prompts."""
    for key, row in _object(text).items():
        place = f"query {key[:60]}"
        prompts, letters = words(row, "sentences", place), words(row, "obj_label", place)
        if len(prompts) != len(letters):
            raise wrong(place, "as many letters as prompts", f"{len(prompts)} prompts, {len(letters)} letters")
        wordings = [
            Wording(prompt, letter.strip(), options_of(prompt)) for prompt, letter in zip(prompts, letters, strict=True)
        ]
        answer = word(row, "ori_label", place, needed=False)
        yield Placed(place, QuestionQuery(key, word(row, "relation_name", place), tuple(wordings), answer))


def exams(text: str, reading: Reading) -> Iterator[Placed]:
    """``{id, lang, subject, question, choices, answer}`` a line; prompts are made from our templates."""
    for place, row in json_lines(text):
        key, choices, right = word(row, "id", place), words(row, "choices", place), row.get("answer")
        if isinstance(right, bool) or not isinstance(right, int) or not 0 <= right < len(choices):
            raise wrong(place, f"the place of the right choice as 'answer', 0 to {len(choices) - 1}", f"{right}"[:60])
        if not 2 <= len(choices) <= 10:
            raise wrong(place, "two to ten choices", str(len(choices)))
        domain = word(row, "subject" if reading.domain_by == "subject" else "lang", place)
        question = word(row, "question", place)
        wordings = made(key, question, choices, right, reading.seed) if question.strip() else (Wording("", ""),)
        yield Placed(place, QuestionQuery(key, domain, wordings, choices[right]))


def cloze(text: str, reading: Reading) -> Iterator[Placed]:
    """``{relation: {domain, templates, facts}}``; templates are filled, a relation is a domain."""
    for relation, row in _object(text).items():
        place = f"relation {relation[:60]}"
        templates = words(row, "templates", place)
        if missing := [one for one in templates if "{}" not in one]:
            raise wrong(place, "templates with {} where the subject goes", f"'{missing[0][:60]}'")
        facts = row.get("facts")
        if not isinstance(facts, list):
            raise wrong(place, "a list as 'facts'", type(facts).__name__)
        for number, fact in enumerate(facts, start=1):
            at = f"{place}, fact {number}"
            subject, answer = word(fact, "subject", at), word(fact, "object", at).strip()
            wordings = tuple(Wording(one.replace("{}", subject), answer) for one in templates)
            yield Placed(at, QuestionQuery(f"{relation}:{subject}", relation, wordings, answer))


def plain_lines(text: str, reading: Reading) -> Iterator[Placed]:
    """An object a line: ``wordings`` as exported, or ``prompt``, ``prompt_1``, … with their targets."""
    for place, row in json_lines(text):
        if "wordings" not in row:
            yield Placed(place, flat(row, place, reading.columns))
            continue
        if not isinstance(row["wordings"], list):
            raise wrong(place, "a list as 'wordings'", type(row["wordings"]).__name__)
        wordings = tuple(_wording(one, place) for one in row["wordings"])
        domain, answer = (word(row, name, place, needed=False) for name in ("domain", "answer"))
        yield Placed(place, QuestionQuery(word(row, "key", place), domain, wordings, answer))


def _wording(row: Any, place: str) -> Wording:
    listed = tuple(words(row, "options", place)) if isinstance(row, dict) and row.get("options") else ()
    return Wording(word(row, "prompt", place), word(row, "target", place).strip(), listed)


def flat(row: Mapping[str, Any], place: str, columns: Mapping[str, str]) -> QuestionQuery:
    """A query of one flat row: ``prompt`` or ``prompt_1``, ``prompt_2``, …; a missing ``target_2`` is ``target``.
    ``options`` are a list, or a text with ``|`` between; without them they are read off the prompt.

    Raises:
        BadInput: no prompt column, or a prompt without a target.
    """
    named = {name: columns.get(name, name) for name in ("key", "domain", "prompt", "target", "options", "answer")}
    prompt, target = named["prompt"], named["target"]
    ends = ["", *(f"_{number}" for number in range(1, 100))]
    given = [end for end in ends if row.get(f"{prompt}{end}") is not None]
    if not given:
        raise wrong(place, f"a column '{prompt}' or '{prompt}_1'", f"{', '.join(map(str, row))[:120] or 'nothing'}")
    wordings = []
    for end in given:
        text = word(row, f"{prompt}{end}", place)
        if not text.strip() and end not in ("", "_1"):
            continue
        label = f"{target}{end}" if row.get(f"{target}{end}") not in (None, "") else target
        wordings.append(
            Wording(text, word(row, label, place).strip(), _options(row.get(named["options"]), text, place))
        )
    key = word(row, named["key"], place, needed=False) or place.replace(" ", "-")
    domain, answer = (word(row, named[name], place, needed=False) for name in ("domain", "answer"))
    return QuestionQuery(key, domain, tuple(wordings), answer)


def _options(given: Any, prompt: str, place: str) -> tuple[str, ...]:
    if given is None or given == "":
        return options_of(prompt)
    if isinstance(given, str):
        return tuple(one.strip() for one in given.split("|"))
    if isinstance(given, list) and all(isinstance(one, str) for one in given):
        return tuple(given)
    raise wrong(place, "options as a list, or as a text with | between", type(given).__name__)
