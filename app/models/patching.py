"""A model with neurons switched off or rescaled for good, as a folder (``nig.md`` section 18-2).

Multiplying a neuron's column of the down-projection by λ does what multiplying its activation by λ at every token does;
the bias stays.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import save_file

from app.domain.errors import BadInput, Conflict, Unsupported
from app.domain.sites import Site, SiteKind
from app.models.host import ModelHost
from app.models.weights import input_axis

KEPT = (".json", ".txt", ".model", ".md")


def save_scaled(
    host: ModelHost,
    source: Path,
    target: Path,
    members: Mapping[Site, NDArray[np.int64]],
    amount: float,
    description: str,
) -> Path:
    """Write a copy of the model's folder whose neurons are multiplied by ``amount``.

    Args:
        host: the loaded model, which knows where the weights are.
        source, target: its folder, and a folder that is not there yet.
        members: site to units of it.
        amount: λ; 0 switches off.
        description: what was done, for the model card.

    Raises:
        Conflict: the target is there already. Unsupported: neurons that have no column of their own.
    """
    if target.exists():
        raise Conflict("a folder that is not there yet", str(target), "Choose another one.", "output")
    wrong = sorted(site for site in members if site.kind is not SiteKind.MID)
    if wrong:
        raise Unsupported("feed-forward neurons", str(wrong[0]), "Choose a set of the preset ffn.", "set")
    names = {id(module): name for name, module in host.model.named_modules()}
    places = {f"{names[id(host.places[site].module)]}.weight": (site, units) for site, units in members.items()}
    target.mkdir(parents=True)
    for path in sorted(source.iterdir()):
        if path.suffix in KEPT:
            shutil.copy(path, target / path.name)
    left = set(places)
    for path in sorted(source.glob("*.safetensors")):
        left -= _copied(host, path, target / path.name, places, amount)
    if left:
        shutil.rmtree(target)
        way = "Load the model with transformers and save it again."
        raise BadInput("weights under the names that the library uses", f"no {sorted(left)[0]}", way)
    note = {"scaled": {"amount": amount, "neurons": int(sum(len(u) for u in members.values())), "set": description}}
    about = target / "golgi.json"
    facts = json.loads(about.read_text(encoding="utf-8")) if about.exists() else {}
    about.write_text(json.dumps(facts | note, indent=1) + "\n", encoding="utf-8")
    return target


def _copied(
    host: ModelHost, source: Path, target: Path, places: Mapping[str, tuple[Site, NDArray[np.int64]]], amount: float
) -> set[str]:
    """Copy one file of weights, scaled where it must be; the names that were."""
    tensors: dict[str, torch.Tensor] = {}
    done = set()
    with safe_open(source, framework="pt") as file:
        meta = file.metadata()
        for name in file.keys():  # noqa: SIM118
            value = file.get_tensor(name)
            if name in places:
                site, units = places[name]
                value = value.clone()
                value.movedim(input_axis(host.places[site].module), 0)[torch.from_numpy(units)] *= amount
                done.add(name)
            tensors[name] = value
    save_file(tensors, target, metadata=meta)
    return done
