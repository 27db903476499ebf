"""What pages of finished things show: one hash that changes whenever any of it does."""

import hashlib
import threading

from sqlalchemy import select

from app.store.db import Database
from app.store.tables import dataset, model, neuron_set, question_set, run, run_input

SHOWN = (
    (run.c.id, run.c.title, run.c.note, run.c.state, run.c.finished, run.c.pinned, run.c.deleted, run.c.created),
    (run_input.c.run_id, run_input.c.role, run_input.c.input_id),
    (dataset.c.id, dataset.c.name, dataset.c.hash, dataset.c.state, dataset.c.deleted, dataset.c.domain),
    (neuron_set.c.id, neuron_set.c.name, neuron_set.c.hash, neuron_set.c.deleted),
    (question_set.c.id, question_set.c.name, question_set.c.hash, question_set.c.deleted),
    (model.c.slug, model.c.seen),
)
"""Columns that can change, of everything that is stored, and its numbers; what a finished run holds never changes."""


class Library:
    """Stamps what is stored. Progress of jobs is none of it: a page that shows some has to be made anew."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self._lock, self._last = threading.Lock(), (-1, "")

    def stamp(self) -> str:
        """A hash of what is stored. It is taken again only after somebody has written into the database."""
        with self._lock:
            version = self.db.version()
            if version is None or version != self._last[0]:
                self._last = (-1 if version is None else version, self._taken())
            return self._last[1]

    def _taken(self) -> str:
        whole = hashlib.sha256()
        with self.db.read() as connection:
            for columns in SHOWN:
                for row in connection.execute(select(*columns).order_by(*columns[:2])):
                    whole.update(repr(tuple(row)).encode())
                whole.update(b"|")
        return whole.hexdigest()
