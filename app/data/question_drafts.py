"""From queries that were typed to queries of a set: the checks of files, but nothing is left out (``qrnca.md``
section 3)."""

from collections.abc import Sequence

from app.data.question_checks import LEFT_OUT, checked
from app.data.question_files import Brought
from app.data.question_prompts import made, options_of
from app.domain.bounds import LONGEST_NOTE, LONGEST_WORD
from app.domain.errors import BadInput, Missing
from app.domain.question_drafts import Draft, DraftQuery
from app.domain.question_import import Placed
from app.domain.question_sets import LETTERS, QuestionQuery, Wording

BY_HAND = "by hand"


def brought(draft: Draft, before: Sequence[QuestionQuery], seed: int) -> Brought:
    """The queries of a draft behind those of the set that it goes on from, and what was found in them.

    Args:
        draft: as typed; queries and rows without any text do not count.
        before: the other set's queries.
        seed: shuffles the options of multiple-choice questions.

    Raises:
        BadInput: what would be left out, or cannot be asked, with the field's name.
    """
    taken = {query.key for query in before}
    placed = [Placed(f"query {at + 1}", query) for at, query in enumerate(before)]
    for at, typed in enumerate(draft.queries):
        if typed.empty:
            continue
        query = _query(typed, at, seed, taken)
        taken.add(query.key)
        placed.append(Placed(f"query {len(placed) + 1}", query))
    if len(placed) == len(before):
        raise Missing(
            "at least one query", "none with any text", "Type a prompt and what should follow it.", "prompt-0-0"
        )
    queries, findings = checked(placed)
    lost = next((one for one in findings if one.title in LEFT_OUT and one.count), None)
    if lost is not None:
        raise BadInput(
            "queries that can all be kept", f"{lost.title}: {', '.join(lost.examples)}", "Correct them.", "key-0"
        )
    return Brought(BY_HAND, len(placed), queries, findings)


def _query(typed: DraftQuery, at: int, seed: int, taken: set[str]) -> QuestionQuery:
    """One query under its key, or under the next free one."""
    key = typed.key or next(name for number in range(1, len(taken) + 2) if (name := f"q{number}") not in taken)
    _plain(key, f"key-{at}", 200)
    _plain(typed.domain, f"domain-{at}", LONGEST_WORD)
    if key in taken:
        raise BadInput("a key that no other query has", f"'{key}'", "Choose another, or leave it empty.", f"key-{at}")
    if not typed.choices:
        return QuestionQuery(key, typed.domain, _wordings(typed, at))
    options, right = _options(typed, at)
    return QuestionQuery(key, typed.domain, made(key, typed.question, options, right, seed), options[right])


def _wordings(typed: DraftQuery, at: int) -> tuple[Wording, ...]:
    """Rows with a text, each of a prompt and a target.

    Raises:
        BadInput: one without the other.
    """
    wordings = []
    for number, row in enumerate(typed.wordings):
        for name, text, other in (("prompt", row.prompt, row.target), ("target", row.target, row.prompt)):
            field = f"{name}-{at}-{number}"
            _plain(text, field, LONGEST_NOTE if name == "prompt" else LONGEST_WORD)
            if not text.strip() and other.strip():
                found = f"wording {number + 1} of query {at + 1} without one"
                raise BadInput(f"a {name} in every wording", found, "Fill it in, or remove the row.", field)
        if not row.empty:
            wordings.append(Wording(row.prompt, row.target.strip(), options_of(row.prompt)))
    return tuple(wordings)


def _options(typed: DraftQuery, at: int) -> tuple[tuple[str, ...], int]:
    """Four different options, and the number of the right one.

    Raises:
        BadInput: no question, an option that is empty or stands twice, or no letter of them.
    """
    if not typed.question.strip():
        raise BadInput("a question", "none", "Type one, or remove the query.", f"question-{at}")
    _plain(typed.question, f"question-{at}", LONGEST_NOTE)
    options = tuple(option.strip() for option in typed.options)
    for number, option in enumerate(options):
        field = f"option-{at}-{number}"
        _plain(option, field, LONGEST_WORD)
        if not option:
            raise BadInput("four options", f"option {LETTERS[number]} empty", "Fill it in.", field)
        if option in options[:number]:
            raise BadInput("four different options", f"'{option[:60]}' twice", "Change one of them.", field)
    if typed.right not in map(str, range(len(options))):
        letters = ", ".join(LETTERS[: len(options)])
        raise BadInput(f"the right option, one of {letters}", f"'{typed.right[:20]}'", "Choose one.", f"right-{at}")
    return options, int(typed.right)


def _plain(text: str, field: str, most: int) -> None:
    """See that a text can be stored.

    Raises:
        BadInput: it is too long, or holds a zero character.
    """
    if len(text) > most:
        raise BadInput(f"at most {most:,} characters", f"{len(text):,}", "Shorten it.", field)
    if "\0" in text:
        raise BadInput("text", "a zero character", "Remove it.", field)
