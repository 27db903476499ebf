"""Datasets: the list, an upload on its way in, one dataset, one of its queries."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.datastructures import FormData, UploadFile

from app.domain.bounds import Key, Offset, Word, whole
from app.domain.errors import GolgiError
from app.domain.importing import FIELDS
from app.web.page import Sent, away, render, services

router = APIRouter(include_in_schema=False)
ABOUT = ("name", "domain", "licence", "source", "model", "ir_dataset", "folder")


@router.get("/datasets", name="datasets")
@router.get("/datasets.json", name="datasets_json")
def datasets(request: Request, undo: Key | None = None) -> Response:
    """Every dataset, and the ways to bring one in."""
    return _list(request, undo=undo)


def _list(request: Request, error: GolgiError | None = None, sent: Any = None, undo: int | None = None) -> Response:
    status = error.status if error else 200
    view = services(request).datasets.list()
    return render(request, "datasets", view, status=status, error=error, sent=dict(sent or {}), undo=undo)


@router.post("/datasets", name="add_dataset")
def add(request: Request, sent: Sent) -> Response:
    """Take files in, or start an import by path or by id."""
    dataset_service = services(request).datasets
    try:
        files = [(f.filename or "", f.file) for f in sent.getlist("files") if isinstance(f, UploadFile) and f.filename]
        if files:
            return away(request, "upload", token=dataset_service.stage(files))
        values = _about(sent, ABOUT)
        return away(request, "job", number=dataset_service.start(values).id)
    except GolgiError as error:
        return _list(request, error, sent)


def _about(sent: FormData, names: tuple[str, ...]) -> dict[str, Any]:
    """Filled fields as they stand, white space around them left out."""
    return {name: str(sent[name]).strip() for name in names if str(sent.get(name) or "").strip()}


@router.post("/datasets/demo", name="add_demo")
def add_demo(request: Request) -> Response:
    """Import the embedded collection."""
    try:
        return away(request, "job", number=services(request).datasets.demo().id)
    except GolgiError as error:
        return _list(request, error)


@router.get("/uploads/{token}", name="upload")
def upload(request: Request, token: Word) -> Response:
    """What the files hold, as guessed."""
    return _upload(request, token, None, {}, None)


def _upload(request: Request, token: str, mapping: Any, sent: Any, error: GolgiError | None) -> Response:
    app_services = services(request)
    view = app_services.datasets.offer(token, mapping)
    status = error.status if error else 200
    models = [model.info for model in app_services.catalogue.models().models if not model.info.problem]
    return render(request, "upload", view, status=status, error=error, sent=sent, models=models)


@router.post("/uploads/{token}", name="import_upload")
def start(request: Request, token: Word, sent: Sent) -> Response:
    """Look again with the corrected mapping, or start the import."""
    mapping = mapping_of(sent)
    if sent.get("look"):
        return _upload(request, token, mapping, dict(sent), None)
    try:
        values = _about(sent, ABOUT[:5])
        values |= {"files": tuple({**file_values, "path": path} for path, file_values in mapping.items())}
        values |= {"depth": whole("depth", sent.get("depth") or 100)}
        return away(request, "job", number=services(request).datasets.start(values, token).id)
    except GolgiError as error:
        return _upload(request, token, mapping, dict(sent), error)


def mapping_of(sent: FormData) -> dict[str, dict[str, Any]]:
    """Path to the values of its file; files of the role ``ignore`` are left out."""
    mapping: dict[str, dict[str, Any]] = {}
    for number, path in enumerate(sent.getlist("path")):
        role = str(sent.get(f"role-{number}") or "ignore")
        if role in FIELDS:
            needed, more = FIELDS[role]
            names = {name: str(sent.get(f"column-{number}-{name}") or "").strip() for name in (*needed, *more)}
            mapping[str(path)] = {
                "role": role,
                "form": str(sent.get(f"form-{number}") or "table"),
                "delimiter": str(sent.get(f"delimiter-{number}") or "\t"),
                "header": f"header-{number}" in sent,
                "columns": {name: column for name, column in names.items() if column},
            }
    return mapping


@router.get("/datasets/{name}", name="dataset")
@router.get("/datasets/{name}.json", name="datasets_one_json")
def dataset(request: Request, name: Word, offset: Offset = 0) -> Response:
    """One dataset with its import report."""
    return render(request, "dataset", services(request).datasets.page(name, offset))


@router.get("/datasets/{name}/queries/{key:path}", name="dataset_query")
def query(request: Request, name: Word, key: Word) -> Response:
    """One query with its passages."""
    rankers = services(request).catalogue.rankers()
    return render(request, "dataset_query", services(request).datasets.query(name, key), rankers=rankers)


@router.post("/datasets/{name}/delete", name="delete_dataset")
def delete(request: Request, name: Word) -> Response:
    """Hide it."""
    dataset_service = services(request).datasets
    number = dataset_service.page(name).dataset.id
    dataset_service.delete(name)
    return away(request, "datasets", f"?undo={number}")


@router.post("/datasets/{number}/restore", name="restore_dataset")
def restore(request: Request, number: Key) -> Response:
    """Show it again."""
    return away(request, "dataset", name=services(request).datasets.restore(number).name)
