"""The recorded runs look as they did before: nothing that people or their programs read has changed."""

import json
from pathlib import Path

from golden import FILE, measured


def test_recorded_runs_look_as_they_did(tmp_path: Path) -> None:
    wanted = json.loads(FILE.read_text(encoding="utf-8"))
    seen = measured(tmp_path)
    assert list(seen) == list(wanted) and len(seen) == 30
    for fingerprint, look in wanted.items():
        changed = {name for name in {*look, *seen[fingerprint]} if look.get(name) != seen[fingerprint].get(name)}
        assert not changed, fingerprint
