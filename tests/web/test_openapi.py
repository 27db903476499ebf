"""The API against its own document: cases made of it, right and wrong ones, find no error in the program and no answer
that the document does not tell."""

from collections.abc import Iterator
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable

from app.main import Golgi, build
from app.settings import Settings

schemathesis = pytest.importorskip("schemathesis")

CASES = 120
"""Of each operation, half of them wrong on purpose: above a thousand together."""
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
)
FORM = {"model": "tiny-bert", "query": "what causes rain", "passages": "rain falls", "steps": "4", "method": "nig"}


@pytest.fixture(scope="module")
def filled(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Golgi]:
    """One explanation, its ablation, a set."""
    where = Settings(data_dir=tmp_path_factory.mktemp("openapi"), models_dir=models_dir, offline=True, device="cpu")
    golgi = build(where, recorded=None)
    client = TestClient(golgi.app(), follow_redirects=False)
    client.post("/explain", data=FORM)
    golgi.worker.run_once()
    client.post("/runs/1/ablate", data={"size": "5"})
    golgi.worker.run_once()
    client.post("/sets", data={"name": "core", "run": ["1"], "size": "5"})
    yield golgi
    golgi.db.close()


def asked(golgi: Golgi, cases: int, derandomize: bool = True) -> int:
    """Ask every operation so many times; how many were asked in all."""
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", golgi.app())
    schemathesis.checks.load_all_checks()
    checks = schemathesis.checks.CHECKS.get_by_names(list(CHECKS))
    how = settings(
        max_examples=cases // 2,
        derandomize=derandomize,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.generate),
    )
    modes = product(schema.get_all_operations(), schemathesis.GenerationMode)
    return sum(asked_of(operation.ok(), mode, checks, how) for operation, mode in modes)


def asked_of(operation: Any, mode: Any, checks: Any, how: settings) -> int:
    """Ask one operation right or wrong things; how many."""
    count = 0

    @how
    @given(case=operation.as_strategy(generation_mode=mode))
    def one(case: Any) -> None:
        nonlocal count
        count += 1
        if mode is schemathesis.GenerationMode.POSITIVE:
            at_hand(case, count)
        case.call_and_validate(checks=checks)

    with suppress(Unsatisfiable):  # nothing of it can be wrong
        one()
    return count


def at_hand(case: Any, number: int) -> None:
    """Have two of three right cases name a run and a model that are there, so that they come further."""
    if number % 3 and "number" in case.path_parameters:
        case.path_parameters["number"] = 1 + number % 2
    if number % 3 and isinstance(case.body, dict):
        case.body["model"] = "tiny-bert"


def test_the_api_keeps_to_its_document(filled: Golgi) -> None:
    assert asked(filled, CASES) >= 1000
