"""The database of the store: made where it is new, refused where it is not ours."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, create_engine, event, inspect
from sqlalchemy.exc import ArgumentError, CompileError, DBAPIError

from app.core.learning.tables import Base
from erniekit_finetuning.errors import Problem, UnusableInput


def opened(url: str) -> Engine:
    """Open a database, and make the tables that it lacks.

    Raises UnusableInput for one that cannot be opened, or has tables of another version.
    """
    try:
        engine = create_engine(url)
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _durable)
        Base.metadata.create_all(engine)
        problems = _other_tables(engine)
    except (ArgumentError, CompileError, DBAPIError, ModuleNotFoundError) as error:
        what = "the database cannot be opened"
        cure = "sqlite:///FILE, or another URL of SQLAlchemy with its driver installed"
        raise UnusableInput(Problem(what, found=str(error).split("\n")[0], cure=cure)) from error
    if problems:
        raise UnusableInput(problems)
    return engine


def _other_tables(engine: Engine) -> list[Problem]:
    """Tables whose columns are not ours."""
    cure = "move the old database away, or name another one: kept.database"
    problems = []
    there = inspect(engine)
    for table in Base.metadata.sorted_tables:
        found = {column["name"] for column in there.get_columns(table.name)}
        missing = sorted({column.name for column in table.columns} - found)
        if missing:
            what = "the database was made by an earlier version: a table lacks columns"
            problems.append(Problem(what, field=table.name, expected=", ".join(missing), cure=cure))
    return problems


def _durable(connection: Any, _: Any) -> None:
    """Readers and a writer at once, and what was committed stays after a power cut."""
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
