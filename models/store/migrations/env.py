"""Run by Alembic for every command; `models.store.migrate` hands over the connection."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context

from models.base import Utc
from models.tables import Base


def render(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Revisions must not depend on our classes as they are today."""
    if kind == "type" and isinstance(item, Utc):
        return "sa.DateTime(timezone=True)"
    return False


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    render_item=render,
)
context.run_migrations()
