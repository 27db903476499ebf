"""Models that were loaded once, and the workers that are alive."""

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from app.domain.model_card import ModelCard
from app.store.db import Database, now
from app.store.tables import model, worker


class Registry:
    """Cards of models, and heartbeats of workers with what they hold."""

    def __init__(self, db: Database) -> None:
        self.db = db

    def remember(self, card: ModelCard) -> None:
        """Store the card of a loaded model, self-check included."""
        values = {"slug": card.slug, "card": card.model_dump(mode="json"), "seen": now()}
        with self.db.write() as connection:
            connection.execute(model.delete().where(model.c.slug == card.slug))
            connection.execute(model.insert().values(**values))

    def card(self, slug: str) -> ModelCard | None:
        """The card of a model as last loaded, or None."""
        with self.db.read() as connection:
            card = connection.execute(select(model.c.card).where(model.c.slug == slug)).scalar()
        return None if card is None else ModelCard.model_validate(card)

    def beat(self, name: str, about: dict[str, Any]) -> None:
        """A worker says it is alive; ``about`` holds pid, device, memory and slugs of loaded models with bytes."""
        with self.db.write() as connection:
            connection.execute(worker.delete().where(worker.c.id == name))
            connection.execute(worker.insert().values(id=name, seen=now(), about=about))

    def gone(self, name: str) -> None:
        """A worker has ended."""
        with self.db.write() as connection:
            connection.execute(worker.delete().where(worker.c.id == name))

    def alive(self, within: float) -> tuple[dict[str, Any], ...]:
        """Workers heard of in the last ``within`` seconds."""
        query = select(worker).where(worker.c.seen > now() - timedelta(seconds=within)).order_by(worker.c.id)
        with self.db.read() as connection:
            return tuple({"id": row.id, "seen": row.seen, **row.about} for row in connection.execute(query))
