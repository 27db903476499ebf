"""The work of an edited model: its folder is written beside the others, in one go (``qrnca.md`` section 7)."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from app.domain.errors import Conflict, GolgiError
from app.domain.results import ItemRow
from app.domain.scores import RunningScores
from app.domain.sites import NeuronIndex
from app.jobs.base import Finished, Inputs, Partial, Shard
from app.kinds.patch.question import PatchQuestion
from app.models.host import ModelHost
from app.models.patching import save_scaled

NOTE = "golgi.json"


class PatchWork:
    """The work of one edited model."""

    def __init__(self, question: PatchQuestion, given: Inputs, host: ModelHost) -> None:
        self.question, self.given, self.host = question, given, host

    def plan(self) -> dict[str, Any]:
        """What is scaled.

        Raises:
            BadInput: a neuron that the model does not have.
        """
        space = self.host.space("ffn")
        flat = sorted(space.flat(NeuronIndex.parse(text)) for text in self.question.neurons)
        return {"items": 1, "neurons": len(flat), "flat": flat}

    def shards(self, plan: Mapping[str, Any]) -> tuple[Shard, ...]:
        """One."""
        return (Shard(0, 0, 1, 1),)

    def work(self, plan: Mapping[str, Any], shard: Shard) -> Partial:
        """Write the folder under another name first, so that one that was begun is never taken for a model.

        Raises:
            Conflict: another folder has that name. GolgiError: the process has no models folder.
        """
        models = self.given.models
        if models is None:
            raise GolgiError("a worker with a models folder", "none", "Start the dashboard or a worker.")
        target, begun = models.root / self.question.folder, models.root / f".{self.question.folder}.part"
        if not self._is_ours(target):
            if target.exists():
                raise Conflict("a name that no model has yet", f"'{target.name}'", "Choose another name.", "folder")
            shutil.rmtree(begun, ignore_errors=True)
            members = self.host.space("ffn").split(np.asarray(plan["flat"], dtype=np.int64))
            source = models.folder(self.host.card.source)
            save_scaled(self.host, source, begun, members, self.question.factor, self._about())
            begun.rename(target)
        files = sorted(path for path in target.iterdir() if path.is_file())
        values = {"bytes": float(sum(path.stat().st_size for path in files)), "files": float(len(files))}
        return Partial(None, (ItemRow(0, "folder", [], values, {"folder": target.name}),))

    def _about(self) -> str:
        """What was done, by which the folder is known again."""
        return f"{self.question.sets} (of {self.host.card.slug}, weights {self.host.card.weights_hash[:12]})"

    def _is_ours(self, target: Path) -> bool:
        """Whether an earlier attempt wrote the folder."""
        note = target / NOTE
        if not note.is_file():
            return False
        told = json.loads(note.read_text(encoding="utf-8")).get("scaled", {})
        return bool(told.get("set") == self._about() and told.get("amount") == self.question.factor)

    def finish(self, plan: Mapping[str, Any], total: RunningScores | None) -> Finished:
        """That it is there."""
        return Finished((), {"n": 1}, ())
