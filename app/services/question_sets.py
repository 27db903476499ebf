"""Question sets: what is stored, what a file holds, and bringing one in."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from app.data.built_in_questions import BUILT_INS, CONTENT, BuiltIn
from app.data.question_files import Brought, as_lines, read_questions
from app.domain.bounds import is_path
from app.domain.datasets import SplitSpec
from app.domain.errors import BadInput, GolgiError, NotFound
from app.domain.importing import NAME
from app.domain.question_import import MOST_BYTES, QuestionImport, Reading
from app.domain.question_sets import QuestionQuery, QuestionSet
from app.forms.fields import validated
from app.store.question_sets import QuestionSets as QuestionStore

PAGE = 20
PREVIEW = 3
SAID = {"attribution": "detection", "selection": "choice", "test": "test"}


@dataclass(frozen=True)
class QuestionSetsView:
    """Every question set, and those that ship with Golgi and are not stored under their name."""

    sets: tuple[QuestionSet, ...]
    built_ins: tuple[BuiltIn, ...]


@dataclass(frozen=True)
class QuestionOffer:
    """A file put aside by ``token``: its first queries and its report, or why it cannot be read."""

    token: str
    name: str
    file: str
    queries: tuple[QuestionQuery, ...]
    report: Mapping[str, Any]
    problem: GolgiError | None


@dataclass(frozen=True)
class DomainLine:
    """A domain with its queries by part of the split."""

    name: str
    queries: int
    detection: int
    choice: int
    test: int


@dataclass(frozen=True)
class QuestionSetView:
    """A set's page: domains by split, and a page of its queries with their parts, those that ``search`` finds."""

    set: QuestionSet
    seed: int
    domains: tuple[DomainLine, ...]
    queries: tuple[tuple[QuestionQuery, str], ...]
    search: str
    offset: int
    size: int
    total: int


class QuestionSets:
    """What the pages of question sets ask."""

    def __init__(self, store: QuestionStore, uploads: Path) -> None:
        self.store, self.uploads = store, uploads

    def list(self) -> QuestionSetsView:
        """Every question set."""
        sets = self.store.find()
        stored = {found.name for found in sets}
        return QuestionSetsView(sets, tuple(one for name, one in BUILT_INS.items() if name not in stored))

    def page(self, name: str, offset: int = 0, search: str = "", seed: int = 0) -> QuestionSetView:
        """A set with a page of its queries.

        Raises:
            NotFound: there is none of that name.
            BadInput: a negative seed.
        """
        found, split = self.store.question_set(name), validated(SplitSpec, {"seed": seed})
        queries = self.store.queries(found.id)
        parts = {query.key: SAID[split.part(query.key)] for query in queries}
        wanted = search.strip().casefold()
        hits = [query for query in queries if not wanted or wanted in _text(query)]
        first = min(max(0, offset), max(0, len(hits) - 1))
        shown = tuple((query, parts[query.key]) for query in hits[first : first + PAGE])
        return QuestionSetView(found, seed, _domains(queries, parts), shown, search.strip(), first, PAGE, len(hits))

    def stage(self, body: BinaryIO, name: str) -> str:
        """Put an uploaded file aside; its token.

        Raises:
            BadInput: it is too large.
        """
        content, plain = _bounded(body), Path(name.replace("\\", "/")).name or "questions"
        token = secrets.token_hex(8)
        folder = self.uploads / token
        folder.mkdir(parents=True)
        (folder / "questions").write_bytes(content)
        (folder / "name").write_text(plain, encoding="utf-8")
        return token

    def offer(self, token: str, values: Mapping[str, Any]) -> QuestionOffer:
        """What the file of a token holds, read as ``values`` say.

        Raises:
            NotFound: no such upload.
        """
        content, file = self._staged(token)
        name = str(values.get("name") or _name_of(file))
        try:
            reading = _reading(values)
            brought = read_questions(content, reading)
        except GolgiError as error:
            return QuestionOffer(token, name, file, (), {}, error)
        return QuestionOffer(token, name, file, brought.queries[:PREVIEW], brought.report(reading), None)

    def bring_staged(self, token: str, values: Mapping[str, Any]) -> QuestionSet:
        """Store the file of a token; the file put aside is dropped.

        Raises:
            NotFound: no such upload.
            BadInput, Conflict: what is wrong, with the field's name.
        """
        stored = self._store(self._staged(token)[0], values)
        folder = self.uploads / token
        for path in (folder / "questions", folder / "name"):
            path.unlink(missing_ok=True)
        folder.rmdir()
        return stored

    def take(self, body: BinaryIO, file: str, values: Mapping[str, Any]) -> QuestionSet:
        """Store an open file.

        Raises:
            BadInput, Conflict: what is wrong, with the field's name.
        """
        return self._store(_bounded(body), {**values, "name": values.get("name") or _name_of(file)})

    def bring(self, file: str, values: Mapping[str, Any]) -> QuestionSet:
        """Store a file that this process can read, or the built-in set by its name (the command line's way).

        Raises:
            BadInput, Conflict: what is wrong, with the field's name.
        """
        path = Path(file).expanduser()
        if file in BUILT_INS and not path.is_file():
            return self.built_in(file, str(values.get("name") or ""))
        if not path.is_file():
            expected = f"a file of questions, or {' or '.join(BUILT_INS)}"
            raise BadInput(expected, f"no file '{file}'", "Correct the path.", "file")
        try:
            with path.open("rb") as body:
                return self.take(body, path.name, values)
        except OSError as error:
            raise BadInput("a file that can be read", f"{error.strerror}", "Correct the path.", "file") from error

    def built_in(self, key: str, name: str = "") -> QuestionSet:
        """Store a set that ships with Golgi, under its own name or another one.

        Raises:
            NotFound: none of that name ships with it.
            Conflict: it is stored already.
        """
        if key not in BUILT_INS:
            known = ", ".join(BUILT_INS)
            raise NotFound(f"one of the sets that ship with Golgi: {known}", f"'{key}'", "Choose one.", "built_in")
        one = BUILT_INS[key]
        about = {"name": name or one.name, "layout": one.layout, "licence": one.licence, "source": one.source}
        return self._store(CONTENT[key](), about)

    def export(self, name: str) -> bytes:
        """A set as JSONL, which imports as the same set.

        Raises:
            NotFound: there is none of that name.
        """
        return as_lines(self.store.queries(self.store.question_set(name).id))

    def delete(self, name: str) -> int:
        """Hide a set; its number, to show it again."""
        number = self.store.question_set(name).id
        self.store.delete(number)
        return number

    def restore(self, number: int) -> QuestionSet:
        """Show it again."""
        return self.store.restore(number)

    def _store(self, content: bytes, values: Mapping[str, Any]) -> QuestionSet:
        asked = validated(QuestionImport, {**values, "columns": _columns(values.get("columns"))})
        self.store.free(asked.name)
        brought: Brought = read_questions(content, asked)
        about = {"licence": asked.licence.strip(), "source": asked.source.strip()}
        return self.store.save(asked.name, brought.queries, brought.report(asked), **about)

    def _staged(self, token: str) -> tuple[bytes, str]:
        folder = self.uploads / token
        fits = token.isascii() and token.isalnum() and is_path(token)
        if not fits or not (folder / "questions").is_file():
            raise NotFound("a file that was uploaded", "none any more", "Upload it again.", "file")
        return (folder / "questions").read_bytes(), (folder / "name").read_text(encoding="utf-8")


def _bounded(body: BinaryIO) -> bytes:
    content = body.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise BadInput(f"a file of at most {MOST_BYTES // 10**6} MB", "a larger one", "Cut it into several.", "file")
    return content


def _name_of(file: str) -> str:
    stem = file.replace("\\", "/").rsplit("/", 1)[-1].split(".")[0]
    return stem if NAME.fullmatch(stem) else ""


def _reading(values: Mapping[str, Any]) -> Reading:
    given = {name: values[name] for name in ("layout", "domain_by", "seed") if values.get(name) not in (None, "")}
    return validated(Reading, {**given, "columns": _columns(values.get("columns"))})


def _columns(given: Any) -> Any:
    """Columns as an object, or as its JSON text."""
    if not isinstance(given, str):
        return given or {}
    try:
        return json.loads(given) if given.strip() else {}
    except (ValueError, RecursionError) as error:
        way = 'Correct the columns, as {"prompt": "text"}.'
        raise BadInput("a JSON object of columns", f"'{given[:60]}'", way, "columns") from error


def _text(query: QuestionQuery) -> str:
    prompts = (f"{wording.prompt}\n{wording.target}" for wording in query.wordings)
    return "\n".join((query.key, query.domain, query.answer, *prompts)).casefold()


def _domains(queries: tuple[QuestionQuery, ...], parts: Mapping[str, str]) -> tuple[DomainLine, ...]:
    counts: dict[str, dict[str, int]] = {}
    for query in queries:
        of_domain = counts.setdefault(query.domain, dict.fromkeys(SAID.values(), 0))
        of_domain[parts[query.key]] += 1
    return tuple(DomainLine(name, sum(by_part.values()), **by_part) for name, by_part in counts.items())
