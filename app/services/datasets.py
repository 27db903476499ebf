"""Datasets: what is stored, what an upload holds, and starting an import."""

import secrets
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from app.data.demo import FOLDER
from app.data.folders import guess_folder
from app.data.recognise import guess
from app.domain.bounds import at_home, check_file, is_path, readable
from app.domain.datasets import Dataset, SplitSpec
from app.domain.errors import BadInput, GolgiError, NotFound
from app.domain.importing import FIELDS, NAME, ImportSettings
from app.domain.runs import Job, Lane
from app.services.imports import Offer, files_of, offered, settings_of
from app.store.dataset_writer import DatasetWriter
from app.store.jobs import Jobs

PAGE = 50


@dataclass(frozen=True)
class DatasetsView:
    """Every dataset, and the folder whose files may be imported by path."""

    datasets: tuple[Dataset, ...]
    folder: str
    importing: tuple[Job, ...]


@dataclass(frozen=True)
class QueryLine:
    """A query of a dataset with its counts and the part that the default split puts it in."""

    key: str
    text: str
    relevant: int
    judged: int
    candidates: int
    part: str


@dataclass(frozen=True)
class DatasetView:
    """A dataset's page: its report and a page of its queries; ``parts`` counts queries by part of the default split."""

    dataset: Dataset
    split: SplitSpec
    parts: Mapping[str, int]
    queries: tuple[QueryLine, ...]
    offset: int
    size: int
    total: int


@dataclass(frozen=True)
class PassageLine:
    """A passage of a query; ``grade`` is None where nobody judged it, ``rank`` where it is no candidate, ``text`` where
    no file has one."""

    key: str
    text: str | None
    rank: int | None
    score: float | None
    grade: int | None


@dataclass(frozen=True)
class QueryView:
    """One query with its candidates by score, then passages that are only judged; ``text`` is None where no file has
    one."""

    dataset: Dataset
    key: str
    text: str | None
    passages: tuple[PassageLine, ...]


class Datasets:
    """Stored datasets and imports.

    Args:
        store: the tables. jobs: the queue.
        uploads: folder for uploaded files until they are imported.
        allowed: folder whose files may be imported by path from a page; the command line may read any.
    """

    def __init__(self, store: DatasetWriter, jobs: Jobs, uploads: Path, allowed: Path) -> None:
        self.store, self.jobs, self.uploads, self.allowed = store, jobs, uploads, allowed

    def list(self) -> DatasetsView:
        """Every dataset."""
        moving = [job for job in self.jobs.all() if job.what == "import" and job.state.value in ("waiting", "running")]
        return DatasetsView(self.store.find(), str(self.allowed), tuple(moving))

    def imported(self, job: Job) -> Dataset:
        """What a finished import gave, which is another dataset where the same content was there already.

        Raises:
            NotFound: it was deleted or renamed since.
        """
        return self.store.named(job.progress.message or str(job.payload["name"]))

    def page(self, name: str, offset: int = 0) -> DatasetView:
        """A dataset with a page of its queries.

        Raises:
            NotFound: there is none of that name.
        """
        dataset, split = self.store.named(name), SplitSpec()
        keys = self.store.query_keys(dataset.id)
        parts = {part: len(members) for part, members in split.parts(keys).items()}
        shown = keys[offset : offset + PAGE]
        texts = self.store.texts(dataset.id, "query", shown)
        judged, hits = self.store.judgements(dataset.id, shown), self.store.candidates(dataset.id, shown)
        lines = tuple(
            QueryLine(
                key,
                texts.get(key, ""),
                sum(grade > 0 for grade in judged.get(key, {}).values()),
                len(judged.get(key, {})),
                len(hits.get(key, {})),
                split.part(key),
            )
            for key in shown
        )
        return DatasetView(dataset, split, parts, lines, offset, PAGE, len(keys))

    def query(self, name: str, key: str) -> QueryView:
        """One query with its passages.

        Raises:
            NotFound: no such dataset or query.
        """
        dataset = self.store.named(name)
        texts = self.store.texts(dataset.id, "query", {key})
        grades = self.store.judgements(dataset.id, {key}).get(key, {})
        hits = self.store.candidates(dataset.id, {key}).get(key, {})
        if key not in texts and not grades and not hits:
            raise NotFound(f"a query of {name}", f"'{key}'", "Choose one from the dataset's page.")
        order = [*hits, *(passage for passage in sorted(grades) if passage not in hits)]
        passages = self.store.texts(dataset.id, "passage", order)
        lines = tuple(
            PassageLine(p, passages.get(p), at if p in hits else None, hits.get(p), grades.get(p))
            for at, p in enumerate(order, start=1)
        )
        return QueryView(dataset, key, texts.get(key), lines)

    def stage(self, files: Iterable[tuple[str, BinaryIO]]) -> str:
        """Put uploaded files aside; the token of their folder.

        Raises:
            BadInput: no file, or a name that no file can have.
        """
        token = secrets.token_hex(8)
        folder = self.uploads / token
        for name, body in files:
            plain = Path(name.replace("\\", "/")).name
            if not plain:
                continue
            check_file(plain, "files")
            folder.mkdir(parents=True, exist_ok=True)
            while (folder / plain).exists():
                plain = f"other-{plain}"
            with (folder / plain).open("wb") as target:
                shutil.copyfileobj(body, target, 1 << 20)
        if not folder.is_dir():
            raise BadInput("at least one file", "none", "Choose files, or give a path.", "files")
        return token

    def offer(self, token: str, mapping: Mapping[str, Mapping[str, Any]] | None = None) -> Offer:
        """What the files of a token hold, as guessed or as corrected by ``mapping`` (path to values).

        Raises:
            NotFound: no such upload.
        """
        folder = self._folder(token)
        paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        given = mapping or {}
        files = tuple(offered(path, folder, given.get(str(path.relative_to(folder)))) for path in paths)
        problem: GolgiError | None = None
        try:
            guess_folder(folder)
        except GolgiError as error:
            problem = error
        name = paths[0].stem.split(".")[0] if len(paths) == 1 else ""
        return Offer(token, name if NAME.fullmatch(name) else "", files, FIELDS, None if mapping else problem)  # type: ignore[arg-type]

    def _folder(self, token: str) -> Path:
        folder = self.uploads / token
        if not (token.isascii() and token.isalnum() and is_path(token)) or not folder.is_dir():
            raise NotFound("files that were uploaded", "none any more", "Upload them again.", "files")
        return folder

    def start(self, values: Mapping[str, Any], token: str = "") -> Job:
        """Queue an import of uploaded files (``token``), of a folder, or of an ``ir_datasets`` id.

        Raises:
            BadInput: what is wrong, with the field's name.
        """
        given = dict(values)
        if token:
            given |= {"folder": str(self._folder(token)), "staged": True}
        elif given.get("folder"):
            given["folder"] = str(self._allowed(str(given["folder"])))
        if given.get("folder"):
            given |= files_of(Path(given["folder"]), given.get("files"))
        return self.queue(settings_of(given))

    def bring(self, path: Path | None, values: Mapping[str, Any]) -> Job:
        """Queue an import from any folder or file that this process can read (the command line's way).

        Raises:
            BadInput: what is wrong, with the field's name.
        """
        given = dict(values)
        if path is not None:
            where = path.expanduser().resolve()
            if not where.exists():
                raise BadInput("a folder or a file", f"'{path}'", "Correct the path.", "folder")
            folder = where if where.is_dir() else where.parent
            given |= {"folder": str(folder)}
            single = None if where.is_dir() else {"files": (guess(where, folder),)}
            given |= single or files_of(folder, None)
        return self.queue(settings_of(given))

    def queue(self, settings: ImportSettings) -> Job:
        """Queue an import.

        Raises:
            Conflict: the name is taken.
        """
        self.store.free(settings.name)
        return self.jobs.enqueue("import", Lane.BATCH, payload=settings.model_dump(mode="json"))

    def _allowed(self, text: str) -> Path:
        """A folder that pages may read.

        Raises:
            BadInput: it is elsewhere, or not there.
        """
        way = "Put the folder there, or use golgi import-data on the command line."
        if not is_path(text):
            raise BadInput(f"a folder below {self.allowed}", f"'{readable(text, 60)}'", way, "folder")
        folder = at_home(text)
        folder = (folder if folder.is_absolute() else self.allowed / folder).resolve()
        if not folder.is_relative_to(self.allowed.resolve()) or not folder.is_dir():
            raise BadInput(f"a folder below {self.allowed}", f"'{text}'", way, "folder")
        return folder

    def demo(self) -> Job:
        """Queue the import of the embedded collection."""
        about = "TREC LiveQA Medical and MedQuAD, see app/demo/liveqa_med"
        return self.queue(
            ImportSettings(
                name="liveqa_med",
                folder=str(FOLDER),
                files=guess_folder(FOLDER).files,
                domain="consumer health",
                licence="CC BY 4.0",
                source=about,
            )
        )

    def delete(self, name: str) -> None:
        """Hide a dataset; runs that used it keep their numbers."""
        self.store.delete(self.store.named(name).id)

    def restore(self, number: int) -> Dataset:
        """Show it again."""
        self.store.restore(number)
        return self.store.get(number)
