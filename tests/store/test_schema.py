"""The schema that migrations make is the one the tables describe."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.schema import CheckConstraint

from config.errors import Trouble
from models.store.engine import Store, open_store
from models.store.migrate import ensure_current, head, upgrade, version
from models.tables import Base


def test_migrations_and_tables_agree(store: Store) -> None:
    with store.reading() as session:
        assert compare_metadata(MigrationContext.configure(session.connection()), Base.metadata) == []


def test_migrations_and_tables_agree_on_checks(store: Store, empty_url: str) -> None:
    made_by_tables = open_store(empty_url)
    with made_by_tables.engine.begin() as connection:
        Base.metadata.create_all(connection)
    with store.reading() as migrated, made_by_tables.reading() as described:
        for table in Base.metadata.tables:
            ours, theirs = (
                {
                    (check["name"], check["sqltext"])
                    for check in sa.inspect(session.connection()).get_check_constraints(table)
                }
                for session in (migrated, described)
            )
            assert ours == theirs
    made_by_tables.close()


def test_every_check_has_a_name() -> None:
    checks = [
        constraint
        for table in Base.metadata.tables.values()
        for constraint in table.constraints
        if isinstance(constraint, CheckConstraint)
    ]
    assert checks and all(constraint.name for constraint in checks)


def test_an_empty_database_is_brought_up_once(empty_url: str) -> None:
    store = open_store(empty_url)
    assert version(store) is None
    with pytest.raises(Trouble):
        ensure_current(store)
    upgrade(store)
    upgrade(store)
    assert version(store) == head()
    ensure_current(store)
    store.close()


def test_a_database_of_a_newer_program_is_refused_and_left_alone(store: Store) -> None:
    with store.transaction() as session:
        session.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    for refuse in (upgrade, ensure_current):
        with pytest.raises(Trouble, match="9999") as caught:
            refuse(store)
        assert "\n" not in str(caught.value)
    assert version(store) == "9999"


def test_foreign_keys_hold_after_an_upgrade(store: Store) -> None:
    upgrade(store)
    with pytest.raises(sa.exc.IntegrityError), store.transaction() as session:
        session.execute(
            sa.text(
                "INSERT INTO leg (id, call_id, role, started_at) VALUES ('a', 'none', 'operator', '2026-01-01')"
            )
        )
