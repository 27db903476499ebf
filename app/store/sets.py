"""Saved neuron sets."""

from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Row, insert, select, update

from app.domain.errors import NotFound
from app.domain.set_rules import NeuronSet, Rule
from app.store.db import Database, now
from app.store.tables import neuron_set

_RULE: TypeAdapter[Rule] = TypeAdapter(Rule)


class Sets:
    """The table of sets."""

    def __init__(self, db: Database) -> None:
        self.db = db

    def create(self, rule: Rule, members: tuple[str, ...], **about: Any) -> NeuronSet:
        """Save a set; one of the same name, model and members is given back instead. ``about`` holds name, model,
        weights_hash, preset, total, text and hash."""
        same = (
            neuron_set.c.hash == about["hash"],
            neuron_set.c.weights_hash == about["weights_hash"],
            neuron_set.c.name == about["name"],
        )
        with self.db.write() as connection:
            known = connection.execute(select(neuron_set).where(*same)).first()
            if known is not None:
                connection.execute(update(neuron_set).where(*same).values(deleted=False))
                return _of(known)
            values = {**about, "rule": rule.model_dump(mode="json"), "members": "\n".join(members)}
            new_set = insert(neuron_set).values(**values, created=now(), deleted=False).returning(neuron_set)
            return _of(connection.execute(new_set).one())

    def get(self, number: int) -> NeuronSet:
        """One set.

        Raises:
            NotFound: there is none of that number.
        """
        with self.db.read() as connection:
            row = connection.execute(select(neuron_set).where(neuron_set.c.id == number)).first()
        if row is None:
            raise NotFound("a saved neuron set", str(number), "Look it up in the list of sets.", "sets")
        return _of(row)

    def find(self, weights_hash: str | None = None) -> tuple[NeuronSet, ...]:
        """Sets, newest first; of one model's weights where they are given."""
        query = select(neuron_set).where(neuron_set.c.deleted.is_(False)).order_by(neuron_set.c.id.desc())
        if weights_hash is not None:
            query = query.where(neuron_set.c.weights_hash == weights_hash)
        with self.db.read() as connection:
            return tuple(_of(row) for row in connection.execute(query))

    def change(self, number: int, **values: Any) -> None:
        """Rename, delete or restore a set."""
        with self.db.write() as connection:
            connection.execute(update(neuron_set).where(neuron_set.c.id == number).values(**values))


def _of(row: Row[Any]) -> NeuronSet:
    values = dict(row._mapping)
    values["rule"] = _RULE.validate_python(values["rule"])
    values["members"] = tuple(values["members"].split("\n"))
    return NeuronSet(**values)
