"""Question sets: the list, a file on its way in, one set."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from starlette.datastructures import FormData, UploadFile

from app.domain.bounds import Filter, Key, Offset, Seed, Word
from app.domain.errors import BadInput, GolgiError
from app.domain.question_drafts import draft_of
from app.domain.question_import import COLUMNS, LAYOUTS
from app.services.question_drafts import DraftView
from app.web.page import Sent, away, given_of, render, services

router = APIRouter(include_in_schema=False)
ABOUT = ("name", "licence", "source", "layout", "domain_by", "seed")


@router.get("/questions", name="questions")
@router.get("/questions.json", name="questions_json")
def questions(request: Request, undo: Key | None = None) -> Response:
    """Every question set, and the way to bring one in."""
    return _list(request, undo=undo)


def _list(request: Request, error: GolgiError | None = None, undo: int | None = None) -> Response:
    status = error.status if error else 200
    return render(request, "questions", services(request).questions.list(), status=status, error=error, undo=undo)


@router.post("/questions", name="add_questions")
def add(request: Request, sent: Sent) -> Response:
    """Take a file in, to look at it first."""
    try:
        file = sent.get("file")
        if not isinstance(file, UploadFile) or not file.filename:
            raise BadInput("a file", "none", "Choose one.", "file")
        token = services(request).questions.stage(file.file, file.filename)
        return away(request, "question_upload", token=token)
    except GolgiError as error:
        return _list(request, error)


@router.post("/questions/built-in", name="add_built_in")
def add_built_in(request: Request, built_in: Annotated[Word, Form()] = "") -> Response:
    """Store a set that ships with Golgi."""
    try:
        return away(request, "question_set", name=services(request).questions.built_in(built_in).name)
    except GolgiError as error:
        return _list(request, error)


@router.get("/question-uploads/{token}", name="question_upload")
def upload(request: Request, token: Word) -> Response:
    """What the file holds, before anything is stored."""
    return _upload(request, token, {}, None)


def _upload(request: Request, token: Word, sent: dict[str, Any], error: GolgiError | None) -> Response:
    view = services(request).questions.offer(token, sent)
    shown = error or view.problem
    status = shown.status if shown else 200
    return render(
        request, "question_upload", view, status=status, error=shown, sent=sent, layouts=LAYOUTS, fields=COLUMNS
    )


@router.post("/question-uploads/{token}", name="import_questions")
def start(request: Request, token: Word, sent: Sent) -> Response:
    """Look again with other settings, or store the set."""
    values = values_of(sent)
    if sent.get("look"):
        return _upload(request, token, values, None)
    try:
        return away(request, "question_set", name=services(request).questions.bring_staged(token, values).name)
    except GolgiError as error:
        return _upload(request, token, values, error)


def values_of(sent: FormData) -> dict[str, Any]:
    """Filled fields as they stand, columns as an object of their own."""
    values: dict[str, Any] = {name: Word(sent[name]).strip() for name in ABOUT if str(sent.get(name) or "").strip()}
    named = {field: str(sent.get(f"column-{field}") or "").strip() for field in COLUMNS}
    return {**values, "name": values.get("name", ""), "columns": {f: column for f, column in named.items() if column}}


@router.get("/questions/new", name="new_questions")
def new(request: Request, base: Word = "") -> Response:
    """Queries by hand; ``base`` is a set that they go on from."""
    return _draft(request, services(request).drafts.begun(base))


def _draft(request: Request, view: DraftView, error: GolgiError | None = None) -> Response:
    status = error.status if error else 200
    return render(request, "question_new", view, status=status, error=error)


@router.post("/questions/new", name="save_new_questions")
def save_new(request: Request, sent: Sent) -> Response:
    """A query or a row more or less, a look at the report, or the set stored; what was typed stays."""
    drafts, draft, action = services(request).drafts, draft_of(given_of(sent)), str(sent.get("do") or "look")
    try:
        if action == "save":
            return away(request, "question_set", name=drafts.save(draft).name)
        if action == "look":
            return _draft(request, drafts.looked(draft))
        return _draft(request, drafts.view(drafts.changed(draft, action)))
    except GolgiError as error:
        return _draft(request, drafts.view(draft), error)


@router.get("/questions/{name}", name="question_set")
@router.get("/questions/{name}.json", name="question_set_json")
def question_set(request: Request, name: Word, offset: Offset = 0, q: Filter = "", seed: Seed = 0) -> Response:
    """One set with its import report."""
    return render(request, "question_set", services(request).questions.page(name, offset, q, seed))


@router.get("/questions/{name}/export.jsonl", name="export_questions")
def export(request: Request, name: Word) -> Response:
    """The set as JSONL, which imports as the same set."""
    disposition = {"Content-Disposition": f'attachment; filename="{name}.jsonl"'}
    body = services(request).questions.export(name)
    return Response(body, media_type="application/x-ndjson", headers=disposition)


@router.post("/questions/{name}/delete", name="delete_questions")
def delete(request: Request, name: Word) -> Response:
    """Hide it."""
    return away(request, "questions", f"?undo={services(request).questions.delete(name)}")


@router.post("/questions/{number}/restore", name="restore_questions")
def restore(request: Request, number: Key) -> Response:
    """Show it again."""
    return away(request, "question_set", name=services(request).questions.restore(number).name)
