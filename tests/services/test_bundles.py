"""Broken bundles, made of good ones, are refused whole and say what is wrong where; good ones come in as they went."""

import base64
import copy
import io
import json
import shutil
import struct
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from app.domain.errors import BadInput, GolgiError, NotFound
from app.domain.runs import RunSpec
from app.main import RECORDED, Golgi, build
from app.settings import Settings
from app.store.tables import metadata

FORM = {"model": "tiny-bert", "query": "what causes rain", "passages": "rain falls", "steps": "4", "method": "nig"}
ATTRIBUTE = {"dataset": "liveqa_med", "model": "tiny-bert", "limit": "8", "steps": "2", "correct": "off"}
STUDY = {"dataset": "liveqa_med", "source": "3", "queries": "2", "depth": "4", "fractions": "5%", "seeds": "1"}
KINDS = ("ranking", "ablation", "attribution", "study")


@dataclass
class Bundle:
    """The parts of a bundle, to be changed and packed again."""

    run: dict[str, Any]
    rows: list[dict[str, Any]]

    @classmethod
    def of(cls, data: bytes) -> "Bundle":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            lines = archive.read("rows.jsonl").decode().splitlines()
            return cls(json.loads(archive.read("run.json")), [json.loads(line) for line in lines])

    def first(self, row: str, /, **having: Any) -> dict[str, Any]:
        return next(r for r in self.rows if r["row"] == row and all(r[name] == value for name, value in having.items()))

    def signed(self) -> "Bundle":
        """With the fingerprint of what it says it asked."""
        self.run["fingerprint"] = RunSpec.model_validate(self.run["spec"]).fingerprint
        return self

    def packed(self) -> bytes:
        lines = "".join(json.dumps(row) + "\n" for row in self.rows)
        return zipped({"run.json": json.dumps(self.run), "rows.jsonl": lines, "README.txt": "A run."})


def zipped(files: dict[str, str | bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in files.items():
            archive.writestr(name, body)
    return out.getvalue()


def worked(golgi: Golgi) -> None:
    while golgi.worker.run_once():
        pass


@pytest.fixture(scope="module")
def good(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, bytes]]:
    """Bundles by name, in an order in which they can be brought in."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("good"), models_dir=models_dir, offline=True, device="cpu")
    golgi = build(settings, recorded=None)
    client = TestClient(golgi.app(), follow_redirects=False)
    client.post("/datasets/demo")
    client.post("/explain", data={**FORM, "form": "ranking", "passages": "rain falls\n---\nthe lazy dog"})
    worked(golgi)
    client.post("/runs/1/ablate", data={"size": "5", "patched": "2"})
    client.post("/attribute", data={**ATTRIBUTE, "max_length": "32"})
    worked(golgi)
    client.post("/study", data={**STUDY, "max_length": "32", "controls": "off", "doses": "0 0.5"})
    pair = {**FORM, "passages": "rain falls\n---\nthe dog", "form": "ranking", "target": "pairwise"}
    client.post("/explain", data=pair)
    client.post("/explain", data={"model": "tiny-gpt2", "form": "prompt", "query": "rain falls on the", "steps": "4"})
    worked(golgi)
    client.post("/explain", data={**FORM, "query": "a run that is stopped"})
    client.post("/runs/7/stop")
    names = (*KINDS, "pairwise", "prompt", "stopped")
    runs = [golgi.services.runs.get(number) for number in range(1, 8)]
    assert [run.state.value for run in runs] == ["done"] * 6 + ["partial"]
    yield {name: golgi.services.exports.bundle(run) for name, run in zip(names, runs, strict=True)}
    golgi.db.close()


@pytest.fixture
def other(models_dir: Path, empty_database: Path, tmp_path: Path) -> Iterator[Golgi]:
    """A Golgi that has no run."""
    shutil.copy(empty_database, tmp_path / "golgi.sqlite3")
    golgi = build(Settings(data_dir=tmp_path, models_dir=models_dir, offline=True, device="cpu"), recorded=None)
    yield golgi
    golgi.db.close()


def held(golgi: Golgi) -> tuple[dict[str, int], list[Path]]:
    """Rows by table, and the files beside the database."""
    with golgi.db.read() as connection:
        counts = {name: connection.execute(select(func.count()).select_from(t)).scalar_one() for name, t in TABLES}
    return counts, sorted(p for p in golgi.settings.data_dir.rglob("*") if p.is_file() and "sqlite" not in p.name)


TABLES = tuple(metadata.tables.items())


def brought(golgi: Golgi, good: dict[str, bytes], name: str) -> None:
    """Bring in what a bundle was made from."""
    for before in {"ablation": ("ranking",), "study": ("attribution",)}.get(name, ()):
        golgi.services.exports.load_bundle(good[before])


def array(row: dict[str, Any], name: str = "values") -> np.ndarray[Any, Any]:
    raw = base64.b64decode(row[name]["base64"])
    return np.frombuffer(raw, row[name]["dtype"]).reshape(row[name]["shape"]).copy()


def put(row: dict[str, Any], values: Any, name: str = "values") -> None:
    values = np.ascontiguousarray(values)
    coded = base64.b64encode(values.tobytes()).decode()
    row[name] = {"dtype": values.dtype.str, "shape": list(values.shape), "base64": coded}


def edited(row: str, name: str, change: Callable[[Any], Any], /, **having: Any) -> Callable[[Bundle], None]:
    """Change the values of the first such row."""

    def change_row(bundle: Bundle) -> None:
        found = bundle.first(row, **having)
        put(found, change(array(found, name)), name)

    return change_row


def given(row: str, /, **values: Any) -> Callable[[Bundle], None]:
    """Set fields of the first such row."""
    return lambda bundle: bundle.first(row).update(values)


def told(field: str, value: Any, sign: bool = False) -> Callable[[Bundle], None]:
    """Set a field of run.json, by its path; ``sign`` makes the fingerprint fit."""

    def change(bundle: Bundle) -> None:
        *above, last = field.split(".")
        inner: Any = bundle.run
        for name in above:
            inner = inner[name]
        inner[last] = value
        if sign:
            bundle.signed()

    return change


def dropped(field: str) -> Callable[[Bundle], None]:
    def change(bundle: Bundle) -> None:
        *above, last = field.split(".")
        inner: Any = bundle.run
        for name in above:
            inner = inner[name]
        del inner[last]

    return change


def without(row: str, /, **having: Any) -> Callable[[Bundle], None]:
    """Leave the first such row out."""
    return lambda bundle: bundle.rows.remove(bundle.first(row, **having))


def twice(row: str) -> Callable[[Bundle], None]:
    return lambda bundle: bundle.rows.append(copy.deepcopy(bundle.first(row)))


def nan(values: Any) -> Any:
    values.flat[0] = np.nan
    return values


BROKEN: tuple[tuple[str, str, Callable[[Bundle], None], tuple[str, ...]], ...] = (
    ("waiting", "ranking", told("state", "waiting"), ("run.json", "state", "done, partial or failed", "'waiting'")),
    ("running", "ranking", told("state", "running"), ("run.json", "state", "'running'")),
    ("no such state", "ranking", told("state", "finished"), ("run.json", "state", "finished")),
    ("state missing", "ranking", dropped("state"), ("run.json", "state", "nothing")),
    (
        "unknown kind",
        "ranking",
        told("spec.kind", "divine", True),
        ("run.json", "spec.kind", "'divine'", "newer version"),
    ),
    ("unknown method", "ranking", told("spec.settings.method", "x", True), ("run.json", "spec.settings.method", "'x'")),
    (
        "newer method",
        "ranking",
        told("spec.version", 99000, True),
        ("run.json", "spec.version", "99000", "newer version"),
    ),
    ("version zero", "ranking", told("spec.version", 0, True), ("run.json", "spec.version", "found 0")),
    ("version text", "ranking", told("spec.version", "1"), ("run.json", "spec.version", "integer")),
    ("version huge", "ranking", told("spec.version", 2**70, True), ("run.json", "spec.version")),
    ("settings odd", "ranking", told("spec.settings.max_length", -4, True), ("run.json", "spec.settings.max_length")),
    ("settings more", "ranking", told("spec.settings.colour", "red", True), ("run.json", "spec.settings.colour")),
    ("params odd", "ranking", told("spec.settings.params.steps", 0, True), ("run.json", "spec.settings.params.steps")),
    ("settings a list", "ranking", told("spec.settings", []), ("run.json", "spec.settings")),
    ("spec missing", "ranking", dropped("spec"), ("run.json", "spec", "nothing")),
    ("spec newer", "ranking", told("spec.flavour", "x"), ("run.json", "spec.flavour", "newer version")),
    ("field newer", "ranking", told("shape", "x"), ("run.json", "shape", "newer version")),
    ("other fingerprint", "ranking", told("fingerprint", "0" * 16), ("run.json", "fingerprint", "0000000000000000")),
    ("other weights", "ranking", told("spec.weights_hash", "0" * 64), ("run.json", "fingerprint")),
    ("title a number", "ranking", told("title", 4), ("run.json", "title", "string")),
    ("title missing", "ranking", dropped("title"), ("run.json", "title")),
    ("seconds NaN", "ranking", told("seconds", float("nan")), ("run.json", "NaN")),
    ("seconds negative", "ranking", told("seconds", -1.0), ("run.json", "seconds")),
    ("created no time", "ranking", told("created", "once"), ("run.json", "created")),
    ("plan a list", "ranking", told("plan", []), ("run.json", "plan")),
    ("facts NaN", "ranking", told("facts.top_share", float("inf")), ("run.json", "Infinity")),
    ("facts without n", "ranking", dropped("facts.n"), ("run.json", "facts.n")),
    ("facts n text", "ranking", told("facts.n", "two"), ("run.json", "facts.n", "whole number")),
    ("facts other n", "ranking", told("facts.n", 7), ("run.json", "facts.n")),
    ("plan without items", "ranking", dropped("plan.items"), ("run.json", "plan.items")),
    ("plan more items", "ranking", told("plan.items", 3), ("rows.jsonl", "each of the 3 inputs")),
    ("plan other neurons", "ranking", told("plan.neurons", 5), ("rows.jsonl", "5 neurons")),
    ("warnings a text", "ranking", told("warnings", "none"), ("run.json", "warnings")),
    ("unknown row", "ranking", given("ItemRow", row="Oddity"), ("rows.jsonl", "line 1", "Oddity")),
    ("row without kind", "ranking", lambda b: b.rows.append({"item": 1}), ("rows.jsonl", "line")),
    ("row a list", "ranking", lambda b: b.rows.append([1]), ("rows.jsonl", "line")),  # type: ignore[arg-type]
    ("row more", "ranking", given("ItemRow", colour="red"), ("rows.jsonl", "line 1", "colour")),
    ("item text", "ranking", given("ItemRow", item="0"), ("rows.jsonl", "line 1", "item")),
    ("item beyond", "ranking", given("ItemRow", item=99), ("rows.jsonl", "line 1", "item", "99")),
    ("item huge", "ranking", given("ItemRow", item=2**64), ("rows.jsonl", "line 1", "item")),
    ("item negative", "ranking", given("ItemRow", item=-1), ("rows.jsonl", "item", "-1")),
    ("item twice", "ranking", twice("ItemRow"), ("rows.jsonl", "again")),
    ("item missing", "ranking", without("ItemRow"), ("rows.jsonl", "each of the 2 inputs")),
    ("token odd", "ranking", given("ItemRow", tokens=[{"text": 1}]), ("rows.jsonl", "tokens")),
    ("value NaN", "ranking", given("ItemRow", values={"target": float("nan")}), ("rows.jsonl", "line 1", "NaN")),
    ("value text", "ranking", given("ItemRow", values={"target": "high"}), ("rows.jsonl", "values.target")),
    ("array NaN", "ranking", edited("ArrayRow", "values", nan), ("rows.jsonl", "values", "NaN or infinity")),
    ("array short", "ranking", edited("ArrayRow", "values", lambda v: v[:-1]), ("rows.jsonl", "values")),
    ("array empty", "ranking", edited("ArrayRow", "values", lambda v: v[:0]), ("rows.jsonl", "values")),
    ("array flat no more", "ranking", edited("ArrayRow", "values", lambda v: v[None]), ("rows.jsonl", "1 axes of <f4")),
    ("array float64", "ranking", edited("ArrayRow", "values", lambda v: v.astype("<f8")), ("rows.jsonl", "<f8")),
    (
        "array object",
        "ranking",
        lambda b: b.first("ArrayRow")["values"].update(dtype="|O"),
        ("rows.jsonl", "values.dtype"),
    ),
    (
        "array wrong shape",
        "ranking",
        lambda b: b.first("ArrayRow")["values"].update(shape=[7]),
        ("rows.jsonl", "28 bytes"),
    ),
    (
        "array huge shape",
        "ranking",
        lambda b: b.first("ArrayRow")["values"].update(shape=[2**40]),
        ("rows.jsonl", "bytes"),
    ),
    (
        "array no base64",
        "ranking",
        lambda b: b.first("ArrayRow")["values"].update(base64="!?"),
        ("rows.jsonl", "base64"),
    ),
    ("array a list", "ranking", given("ArrayRow", values=[1.0]), ("rows.jsonl", "values")),
    ("array twice", "ranking", twice("ArrayRow"), ("rows.jsonl", "again")),
    ("array missing", "ranking", without("ArrayRow", part="query"), ("rows.jsonl", "places")),
    ("spread missing", "ranking", without("ArrayRow", name="se"), ("rows.jsonl", "places")),
    (
        "no part all",
        "ranking",
        lambda b: b.rows.__setitem__(slice(None), [r for r in b.rows if r.get("part") != "all"]),
        ("rows.jsonl", "part all scores"),
    ),
    (
        "no scores",
        "ranking",
        lambda b: b.rows.__setitem__(slice(None), [r for r in b.rows if r["row"] == "ItemRow"]),
        ("rows.jsonl", "scores of a finished ranking"),
    ),
    ("array odd place", "ranking", given("ArrayRow", kind="soul"), ("rows.jsonl", "kind", "'soul'")),
    (
        "array odd part",
        "ranking",
        lambda b: b.first("ArrayRow", part="query").update(part="limbo"),
        ("rows.jsonl", "limbo"),
    ),
    (
        "array odd name",
        "ranking",
        lambda b: b.first("ArrayRow", part="query").update(name="median"),
        ("rows.jsonl", "median"),
    ),
    ("array of others", "ranking", given("ArrayRow", n=5), ("rows.jsonl", "field n")),
    ("array of an overview", "ranking", given("ArrayRow", group="overview"), ("rows.jsonl", "group")),
    ("rank twice", "ranking", twice("TopNeuron"), ("rows.jsonl", "again")),
    ("rank missing", "ranking", without("TopNeuron", side="top", rank=1), ("rows.jsonl", "rank", "from 1")),
    ("unit beyond", "ranking", given("TopNeuron", unit=10**6), ("rows.jsonl", "L", "1000000")),
    ("layer beyond", "ranking", given("TopNeuron", layer=99), ("rows.jsonl", "L99")),
    ("other score", "ranking", given("TopNeuron", score=1e9), ("rows.jsonl", "field score")),
    ("odd side", "ranking", given("TopNeuron", side="left"), ("rows.jsonl", "side", "left")),
    ("setting missing", "ablation", without("SettingRow"), ("rows.jsonl", "ordinal")),
    ("setting twice", "ablation", twice("SettingRow"), ("rows.jsonl", "again")),
    ("odd family", "ablation", given("SettingRow", family="friends"), ("rows.jsonl", "family", "friends")),
    (
        "odd axis",
        "ablation",
        lambda b: b.first("SettingRow")["about"].update(axis="evil"),
        ("rows.jsonl", "about", "axis"),
    ),
    ("no count", "ablation", lambda b: b.first("SettingRow")["about"].pop("count"), ("rows.jsonl", "about", "count")),
    (
        "other count",
        "ablation",
        lambda b: b.first("SettingRow", family="target")["about"].update(count=1),
        ("rows.jsonl", "about.count"),
    ),
    (
        "member beyond",
        "ablation",
        edited("SettingRow", "members", lambda v: v + 10**6, family="target"),
        ("rows.jsonl", "members"),
    ),
    (
        "member negative",
        "ablation",
        edited("SettingRow", "members", lambda v: v * 0 - 1, family="target"),
        ("rows.jsonl", "members"),
    ),
    (
        "member twice",
        "ablation",
        edited("SettingRow", "members", lambda v: v * 0, family="target"),
        ("rows.jsonl", "members"),
    ),
    ("seed huge", "ablation", given("SettingRow", seed=2**64), ("rows.jsonl", "seed")),
    ("answer of none", "ablation", given("ResponseRow", ordinal=10**4), ("rows.jsonl", "ordinal", "10000")),
    ("answer missing", "ablation", without("ResponseRow", ordinal=1), ("rows.jsonl", "setting 1", "same")),
    ("answer twice", "ablation", lambda b: b.rows.append({**b.first("ResponseRow"), "first_item": 1}), ("rows.jsonl",)),
    ("answer beyond", "ablation", given("ResponseRow", first_item=9), ("rows.jsonl", "planned inputs")),
    ("answer narrow", "ablation", edited("ResponseRow", "values", lambda v: v[:, :2]), ("rows.jsonl", "3 outputs")),
    ("answer NaN", "ablation", edited("ResponseRow", "values", nan), ("rows.jsonl", "NaN or infinity")),
    ("answer float32", "ablation", edited("ResponseRow", "values", lambda v: v.astype("<f4")), ("rows.jsonl", "<f4")),
    ("outputs no list", "ablation", told("facts.outputs", 3), ("run.json", "told")),
    ("input elsewhere", "ablation", told("spec.inputs.source", "f" * 16, True), ("input run", "f" * 16)),
    ("no input", "ablation", told("spec.inputs", {}, True), ("told",)),
    ("fold missing", "attribution", without("ArrayRow", group="folds"), ("rows.jsonl", "folds")),
    (
        "fold short",
        "attribution",
        edited("ArrayRow", "values", lambda v: v[1:], group="folds"),
        ("rows.jsonl", "values"),
    ),
    ("pairs no list", "attribution", told("plan.pairs", 4), ("run.json", "plan.pairs")),
    ("metric short", "study", edited("ArrayRow", "values", lambda v: v[1:], group="metric"), ("rows.jsonl", "queries")),
    ("metric missing", "study", without("ArrayRow", group="metric"), ("rows.jsonl", "measures")),
    ("metric of others", "study", given("ArrayRow", n=1), ("rows.jsonl", "queries")),
    ("plan without queries", "study", dropped("plan.queries"), ("told",)),
)


def refused(golgi: Golgi, data: bytes) -> str:
    """What is said of a bundle that must not come in, after seeing that nothing of it did."""
    before = held(golgi)
    with pytest.raises(GolgiError) as caught:
        golgi.services.exports.load_bundle(data)
    assert held(golgi) == before
    assert isinstance(caught.value, BadInput | NotFound) and len(str(caught.value)) < 900
    return str(caught.value)


@pytest.mark.parametrize(("name", "change", "says"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_broken_rows_are_refused_whole(
    good: dict[str, bytes], other: Golgi, name: str, change: Callable[[Bundle], None], says: tuple[str, ...]
) -> None:
    brought(other, good, name)
    bundle = Bundle.of(good[name])
    change(bundle)
    sentence = refused(other, bundle.packed())
    assert all(part in sentence for part in says), sentence
    assert other.services.exports.load_bundle(good[name]).state.value == "done"


def test_broken_zips_are_refused_whole(good: dict[str, bytes], other: Golgi) -> None:
    data = good["ranking"]
    bundle = Bundle.of(data)
    run, rows = json.dumps(bundle.run), "".join(json.dumps(row) + "\n" for row in bundle.rows)
    whole: dict[str, str | bytes] = {"run.json": run, "rows.jsonl": rows}
    middle = len(data) // 2
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        start = archive.getinfo("rows.jsonl").header_offset + 60
    encrypted = bytearray(zipped(whole))
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = encrypted.find(mark)
        encrypted[place + at] |= 1
    doubled = io.BytesIO()
    with zipfile.ZipFile(doubled, "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
        for name in ("run.json", "rows.jsonl", "run.json"):
            archive.writestr(name, whole[name])
    liar = bytearray(zipped({"run.json": "0" * (70 << 20), "rows.jsonl": rows}))
    place = liar.find(b"PK\x01\x02")
    liar[place + 24 : place + 28] = struct.pack("<I", 100)
    table: tuple[tuple[bytes, str], ...] = (
        (b"", "bundle (.zip)"),
        (b"not a bundle", "bundle (.zip)"),
        (b"PK\x03\x04" + b"\0" * 200, "bundle (.zip)"),
        (data[:middle], "bundle (.zip)"),
        (data[: len(data) - 8], "bundle (.zip)"),
        (data[:start] + b"\xff" * 40 + data[start + 40 :], "rows.jsonl"),
        (bytes(encrypted), "encrypted"),
        (doubled.getvalue(), "run.json"),
        (bytes(liar), "run.json"),
        (zipped({"run.json": run}), "rows.jsonl"),
        (zipped({"rows.jsonl": rows}), "run.json"),
        (zipped({**whole, "more.json": "{}"}), "more.json"),
        (zipped({**whole, "../../evil": "x"}), "../../evil"),
        (zipped({**whole, "/etc/evil": "x"}), "/etc/evil"),
        (zipped({f"{number}.txt": "x" for number in range(3000)}), "0.txt"),
        (zipped({**whole, "README.txt": b"\0" * (300 << 20)}), "README.txt"),
        (zipped({**whole, "rows.jsonl": b"\n" * (1 << 20)}), "rows.jsonl, line 1"),
        (zipped({**whole, "rows.jsonl": b"0" * (40 << 20)}), "rows.jsonl"),
        (zipped({**whole, "rows.jsonl": rows[:-1]}), "rows.jsonl"),
        (zipped({**whole, "rows.jsonl": rows[:-40]}), "rows.jsonl"),
        (zipped({**whole, "rows.jsonl": ""}), "rows.jsonl"),
        (zipped({**whole, "rows.jsonl": rows.encode("utf-16")}), "rows.jsonl"),
        (zipped({**whole, "run.json": ""}), "run.json"),
        (zipped({**whole, "run.json": "[]"}), "run.json"),
        (zipped({**whole, "run.json": "[" * 100_000}), "run.json"),
        (zipped({**whole, "run.json": run.encode("utf-16")}), "run.json"),
        (zipped({**whole, "run.json": run.replace('"note": ""', '"note": "\\ud800"')}), "run.json"),
    )
    for broken, says in table:
        sentence = refused(other, broken)
        assert says in sentence, sentence
    assert len(BROKEN) + len(table) > 120


def test_good_bundles_come_in_as_they_went(good: dict[str, bytes], other: Golgi) -> None:
    for name, data in good.items():
        run = other.services.exports.load_bundle(data)
        again, before = Bundle.of(other.services.exports.bundle(run)), Bundle.of(data)
        assert again.rows == before.rows, name
        moved = {"id", "pinned", "recorded", "deleted", "imported"}
        assert {k: v for k, v in again.run.items() if k not in moved} == {
            k: v for k, v in before.run.items() if k not in moved
        }, name
        assert other.services.exports.load_bundle(data).id == run.id
        assert TestClient(other.app()).get(f"/runs/{run.id}").status_code == 200
    assert other.services.jobs.all() == ()


def test_recorded_runs_pass_every_check(other: Golgi) -> None:
    """Brought in as anybody's, so that each is read, compared and told."""
    for path in sorted(RECORDED.glob("*.zip")):
        assert other.services.exports.load_bundle(path.read_bytes()).state.value == "done", path.name


def test_a_fault_while_storing_leaves_nothing(
    good: dict[str, bytes], other: Golgi, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise RuntimeError("the disk is full")

    before = held(other)
    monkeypatch.setattr(other.services.exports.runs, "change", fails)
    with pytest.raises(RuntimeError):
        other.services.exports.load_bundle(good["ranking"])
    assert held(other) == before


def test_a_transaction_sees_itself_and_is_one(other: Golgi, good: dict[str, bytes]) -> None:
    runs = other.services.runs
    run = other.services.exports.load_bundle(good["ranking"])
    with pytest.raises(ZeroDivisionError), runs.together():
        runs.change(run.id, title="inside")
        assert runs.get(run.id).title == "inside"
        raise ZeroDivisionError
    assert runs.get(run.id).title == run.title
