"""What the recorded runs look like from outside: fingerprints, commands, exports, ``.json`` twins, and hashes of them.

``python tests/golden.py`` writes them anew, which is right only where a change of what people see is meant.
"""

import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from app.main import Golgi, build
from app.settings import Settings

FILE = Path(__file__).with_suffix(".json")
MOVING = ("created", "finished")
"""Times of this database."""
FORMS = ("csv", "json", "neurons")


def digest(value: Any) -> str:
    """Of a JSON value, floats to nine digits."""
    return hashlib.sha256(json.dumps(settled(value), sort_keys=True).encode()).hexdigest()[:12]


def settled(value: Any) -> Any:
    """The same without times, with rounded floats, and without what is null."""
    if isinstance(value, dict):
        return {key: settled(inner) for key, inner in value.items() if key not in MOVING and inner is not None}
    if isinstance(value, list):
        return [settled(inner) for inner in value]
    return float(f"{value:.9g}") if isinstance(value, float) else value


def flat(value: dict[str, Any], inner: str) -> dict[str, Any]:
    """A page's values by name, those of its kind's view with a dot."""
    rows = {name: part for name, part in value.items() if name != inner and part is not None}
    return rows | {f".{name}": part for name, part in (value.get(inner) or {}).items()}


def looks(client: TestClient, golgi: Golgi) -> dict[str, dict[str, str]]:
    """Fingerprint of every recorded run to what is seen of it, by name."""
    told = {}
    for run in sorted(golgi.services.pages.recorded(), key=lambda run: run.fingerprint):
        page = client.get(f"/runs/{run.id}.json").json()
        page["about"] = [row for row in page["about"] if row[0] not in MOVING]
        seen = {name: digest(part) for name, part in flat(page, run.spec.kind).items() if name != "inputs"}
        seen["command"] = page["command"]
        for form in FORMS:
            body = golgi.services.exports.export(run.id, form)
            seen[f"export {form}"] = digest(json.loads(body) if form == "json" else body.decode())
        cells = json.loads(client.get(f"/runs/{run.id}/notebook.ipynb").content)["cells"]
        seen["notebook"] = digest(["".join(cell["source"]) for cell in cells])
        told[run.fingerprint] = seen
    return told


def measured(folder: Path) -> dict[str, dict[str, str]]:
    """The looks of the recorded runs on a new database in a folder."""
    golgi = build(Settings(data_dir=folder, offline=True, device="cpu", allowed_hosts="testserver"))
    try:
        return looks(TestClient(golgi.app()), golgi)
    finally:
        golgi.db.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        FILE.write_text(json.dumps(measured(Path(folder)), indent=1, sort_keys=True) + "\n", encoding="utf-8")
