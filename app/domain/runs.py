"""Runs and jobs: frozen records; a run is what was asked and what came of it, a job is the work to be done."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict


class RunState(StrEnum):
    """``waiting`` in the queue, ``running``, ``done``, ``partial`` (stopped, what was finished is kept), ``failed``."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    PARTIAL = "partial"
    FAILED = "failed"


class Lane(StrEnum):
    """Interactive jobs go before batch jobs."""

    INTERACTIVE = "interactive"
    BATCH = "batch"


class RunSpec(BaseModel):
    """What was asked.

    Args:
        kind: key of the job kind, ``explain`` or ``ablate``.
        version: of the kind's and method's arithmetic; a new version is a new run.
        model: slug of the model; empty for kinds without one.
        source: full path of a model that lies outside the models folder; empty for all others.
        weights_hash: of the model's weights file(s), sha256.
        settings: the kind's own settings, JSON values only.
        inputs: role to fingerprint of a run this one needs.
        identity: what else of the model decides an answer, see :class:`~app.domain.model_card.ModelCard`; None in runs
            of older versions, which keep their fingerprint.
    """

    model_config = ConfigDict(frozen=True)

    kind: str
    version: int
    model: str
    weights_hash: str
    settings: dict[str, Any]
    inputs: dict[str, str] = {}
    source: str = ""
    identity: dict[str, str] | None = None

    @property
    def fingerprint(self) -> str:
        """16 hex digits of the sha256 of the canonical JSON; the same question has the same fingerprint anywhere.

        The model enters by its weights and its identity, not by its name or path.
        """
        apart = {"model", "source"} if self.identity is not None else {"model", "source", "identity"}
        body = self.model_dump(mode="json", exclude=apart)
        return hashlib.sha256(canonical(body).encode()).hexdigest()[:16]

    def changed_since(self, weights: str, identity: Mapping[str, str] | None) -> tuple[str, ...]:
        """What of a model differs from the one that this was asked of, in words; nothing where it is the same model.

        Of runs and models of older versions only the weights are known.
        """
        changed = [] if weights == self.weights_hash else ["weights"]
        if self.identity is not None and identity is not None:
            names = dict.fromkeys((*self.identity, *identity))
            changed += [name for name in names if self.identity.get(name) != identity.get(name)]
        return tuple(changed)


def canonical(value: Any) -> str:
    """JSON with sorted keys and no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


class Run(BaseModel):
    """A stored run. Times are UTC; ``seconds`` is compute time; ``facts`` holds numbers of the result by name.

    ``environment`` holds package versions, device, dtype, code revision; ``plan`` what was fixed before the first
    shard. ``recorded`` marks results that ship with the product; ``imported`` is when a bundle brought the run in, None
    for runs made here. ``created`` and ``finished`` are those of its making, wherever that was.
    """

    model_config = ConfigDict(frozen=True)

    id: int
    fingerprint: str
    spec: RunSpec
    title: str
    note: str = ""
    state: RunState
    created: datetime
    finished: datetime | None = None
    seconds: float | None = None
    environment: dict[str, Any] = {}
    plan: dict[str, Any] = {}
    facts: dict[str, Any] = {}
    warnings: tuple[str, ...] = ()
    error: dict[str, str] | None = None
    recorded: bool = False
    imported: datetime | None = None
    pinned: bool = False
    deleted: bool = False


class Timed(BaseModel):
    """What a finished run tells of its model's speed: ``rows`` row passes took ``seconds`` on ``device``."""

    model_config = ConfigDict(frozen=True)

    run: int
    kind: str
    method: str
    device: str
    seconds: float
    rows: int


class JobState(StrEnum):
    """A job's life; ``stopping`` is a running job that was asked to stop."""

    WAITING = "waiting"
    RUNNING = "running"
    STOPPING = "stopping"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


class Stage(StrEnum):
    """What a running job does: ``loading`` its model, ``timing`` (what is to be computed is fixed, and the first of it
    timed), ``running``, or ``pausing`` while another job goes in between two of its passes."""

    LOADING = "loading"
    TIMING = "timing"
    RUNNING = "running"
    PAUSING = "pausing"


class Progress(BaseModel):
    """Measured work. ``rate`` in units per second, ``left`` in seconds; None until something was measured.

    ``stage`` is None while no worker has the job, and for work without stages; ``kept`` says in words what a stop
    would keep, empty where that is nothing.
    """

    model_config = ConfigDict(frozen=True)

    done: int = 0
    total: int = 0
    unit: str = "rows"
    rate: float | None = None
    left: float | None = None
    message: str = ""
    stage: Stage | None = None
    kept: str = ""


class Job(BaseModel):
    """A durable request.

    ``what``: ``run`` (makes the run ``run_id``), ``load`` or ``unload`` (a model, its slug in ``payload``), ``import``
    (a dataset, its :class:`~app.domain.importing.ImportSettings` in ``payload``). The payload of a job that needs a
    model holds its ``model_folder``, as the process that asked saw it; that of a run ``brief`` (one input, over in a
    moment) and ``rows``, the row passes that it takes at most, as far as they are known.
    """

    model_config = ConfigDict(frozen=True)

    id: int
    what: str
    run_id: int | None
    lane: Lane
    state: JobState
    payload: dict[str, Any] = {}
    progress: Progress = Progress()
    created: datetime
    started: datetime | None = None
    finished: datetime | None = None
    worker: str | None = None
    error: dict[str, str] | None = None
    log: tuple[str, ...] = ()

    @property
    def open(self) -> bool:
        """Whether it still moves."""
        return self.state in (JobState.WAITING, JobState.RUNNING, JobState.STOPPING)

    @property
    def rank(self) -> int:
        """Its place in the queue: 0 for what is over in a moment, 1 for other interactive work, 2 for batch work. Lower
        ones go first, and in between two passes of a running one of a higher rank."""
        return 2 if self.lane is Lane.BATCH else 0 if self.payload.get("brief") else 1

    @property
    def stage(self) -> str:
        """Its state, told apart where a worker is at it."""
        if self.state is JobState.RUNNING and self.progress.stage is not None:
            return self.progress.stage.value
        return self.state.value


def data_hash(texts: Mapping[str, Any] | list[str]) -> str:
    """sha256 (16 hex digits) of the exact texts that were asked about."""
    return hashlib.sha256(canonical(texts).encode()).hexdigest()[:16]
