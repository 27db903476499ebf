"""The question sets that ship with Golgi."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from app.data.demo import HOME
from app.domain.question_import import Layout

FACTS = HOME / "cloze_facts" / "facts.json"
SCHOOL = HOME / "questions" / "mcqa.jsonl"


@dataclass(frozen=True)
class BuiltIn:
    """One of them.

    Args:
        name: of the set. about: what it holds, in a sentence.
        layout: of its content, see :data:`app.domain.question_import.LAYOUTS`.
        licence, source: stored with it.
    """

    name: str
    about: str
    layout: Layout
    licence: str
    source: str


def school_lines() -> bytes:
    """The questions that the demo language model knows, as exam questions: an object a line, the right option first.

    The order of the options in the file does not matter: prompts shuffle them.
    """
    lines = []
    for line in SCHOOL.read_text(encoding="utf-8").splitlines():
        told = json.loads(line)
        row = {"id": told["id"], "lang": "en", "subject": told["subject"], "question": told["question"]}
        lines.append(json.dumps({**row, "choices": [told["right"], *told["wrong"]], "answer": 0}, ensure_ascii=False))
    return ("\n".join(lines) + "\n").encode()


BUILT_INS: Mapping[str, BuiltIn] = {
    one.name: one
    for one in (
        BuiltIn(
            "cloze-facts",
            "335 facts of 11 relations to complete, in five wordings each",
            "cloze",
            "CC0-1.0",
            "written for Golgi from common knowledge",
        ),
        BuiltIn(
            "school-questions",
            "552 multiple-choice questions of 6 subjects with three prompts each; the demo language model knows them",
            "exams",
            "MIT",
            "MMLU (Hendrycks et al. 2021), high-school subjects, as chosen by QRNCA",
        ),
    )
}
"""Name to set."""

CONTENT: Mapping[str, Callable[[], bytes]] = {"cloze-facts": FACTS.read_bytes, "school-questions": school_lines}
"""Name to what is read, a file's content."""
