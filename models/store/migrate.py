"""The schema of the store and its versions. Run by the program itself; a site needs no alembic.ini.

For developers: change the tables, then `python -m models.store.migrate "what changes"` writes a revision to tidy up.
"""

from __future__ import annotations

import sys
import tempfile
from importlib import resources
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from config.errors import Trouble
from config.language import _
from models.store.engine import Store, open_store
from models.store.errors import classify

_LOCK = 110_110  # of PostgreSQL's advisory locks: one process at a time changes the schema


def upgrade(store: Store) -> None:
    """Brings the schema to this program's version, in one transaction; nothing happens when it is there.

    Raises `Trouble` when the database was made by a newer program, `StoreAway` when it cannot be reached.
    """
    try:
        with store.engine.execution_options(migrating=True).connect() as connection, connection.begin():
            if store.dialect == "postgresql":
                connection.execute(text("SET LOCAL statement_timeout = 0"))  # a big table takes its time
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
            _refuse_newer(_current(connection))
            command.upgrade(_config(connection), "head")
            if store.dialect == "sqlite":
                _check_references(connection)
    except SQLAlchemyError as error:
        trouble = classify(error)
        if trouble is None:
            raise
        raise trouble from error
    finally:
        store.engine.dispose()  # a connection that changed the schema has no foreign keys on SQLite


def version(store: Store) -> str | None:
    """The revision of the database; None while it is empty. Raises `StoreAway`, `StoreDamaged`."""
    with store.reading() as session:
        return _current(session.connection())


def head() -> str:
    """The revision this program needs."""
    return str(ScriptDirectory.from_config(_config()).get_current_head())


def ensure_current(store: Store) -> None:
    """Raises `Trouble` unless the schema is this program's; changes nothing."""
    found = version(store)
    _refuse_newer(found)
    if found != head():
        raise Trouble(_("数据库的版本比程序旧；请先运行 minsheng run，它会更新数据库"))


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _refuse_newer(found: str | None) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if found is not None and found not in known:
        raise Trouble(_("数据库由更新版本的程序建立（{found}）；请换用新版程序", found=found))


def _check_references(connection: Connection) -> None:
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    if broken is not None:
        raise Trouble(_("数据库升级后有悬空的引用（表 {table}），升级已撤销", table=broken[0]))


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    folder = str(resources.files("models.store") / "migrations")
    config.set_main_option("script_location", folder.replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def write_revision(message: str) -> None:
    """A new revision from the difference between the tables and the last revision, on an empty SQLite."""
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{Path(folder) / 'empty.db'}")
        upgrade(store)
        with store.engine.connect() as connection, connection.begin():
            command.revision(_config(connection), message, autogenerate=True)
        store.close()


if __name__ == "__main__":
    write_revision(sys.argv[1])
