"""A patched folder answers as the hooked model does."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import FAMILIES, save_tiny

from app.domain.errors import Conflict, Unsupported
from app.domain.examples import Example
from app.domain.interventions import Op, Setting
from app.domain.sites import Site, SiteKind
from app.interventions.edits import Cell, Sources, compile_edits
from app.models.loading import Hosts
from app.models.patching import save_scaled


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("amount", [0.0, 0.4])
def test_the_folder_answers_as_the_hooked_model(tmp_path: Path, family: str, amount: float) -> None:
    save_tiny(tmp_path / "whole", family)
    hosts = Hosts(tmp_path, device="cpu", dtype="float64", offline=True)
    host = hosts.get("whole")
    space = host.space("ffn")
    members = np.sort(np.random.default_rng(0).choice(len(space), size=len(space) // 4, replace=False)).astype(np.int64)
    save_scaled(host, tmp_path / "whole", tmp_path / "patched", space.split(members), amount, "a test")
    one = Example("0", "rain falls on a") if host.card.task == "causal" else Example("0", "rain falls", "a lazy dog")
    batch = host.encode([one])
    edits = compile_edits(space, [Cell(0, Setting("target", members, op=Op.SCALE, amount=amount))], Sources())
    hooked, plain = host.run(batch, None, edits=edits).logits, host.run(batch, None).logits
    patched = hosts.get("patched").run(hosts.get("patched").encode([one]), None).logits
    rounded = amount != 0  # the file keeps its own precision, so a scaled weight is rounded to it
    torch.testing.assert_close(patched, hooked, rtol=1e-5 if rounded else 1e-9, atol=1e-6 if rounded else 1e-12)
    assert not torch.allclose(plain, hooked)
    assert json.loads((tmp_path / "patched" / "golgi.json").read_text())["scaled"]["neurons"] == len(members)


def test_what_cannot_be_patched_is_refused(tmp_path: Path) -> None:
    save_tiny(tmp_path / "whole")
    host = Hosts(tmp_path, device="cpu", offline=True).get("whole")
    with pytest.raises(Conflict):
        save_scaled(host, tmp_path / "whole", tmp_path, {}, 0.0, "")
    with pytest.raises(Unsupported):
        save_scaled(host, tmp_path / "whole", tmp_path / "x", {Site(0, SiteKind.HEAD): np.array([1])}, 0.0, "")
    assert not (tmp_path / "x").exists()
