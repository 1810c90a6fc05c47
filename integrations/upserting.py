"""Bulk upsert below Django's: the hot path of a full sync, for SQLite and PostgreSQL.

`bulk_create(update_conflicts=True)` spends most of a full sync on building one object per row and on preparing every
value of it again (bench/README.md has the numbers). Here the rows are tuples, and the database gets them in one
statement.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import models, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.transaction import get_connection

Row = Sequence[Any]
BATCH = 1000


def upsert(model: type[models.Model], columns: Sequence[str], rows: Sequence[Row], *, key: Sequence[str]) -> None:
    """Insert `rows`, or overwrite those that agree in `key`, which a unique constraint must cover.

    `columns` are field attribute names ("connection_id", not "connection"); each row has their values in that order:
    datetimes aware and in UTC, JSON columns already dumped to text, everything else as the field holds it. Every
    column that has no database default must be among them. No two rows may agree in `key`.
    """
    if not rows:
        return
    database = get_connection(router.db_for_write(model))
    named = {field.attname: field for field in model._meta.concrete_fields}
    fields = [named[name] for name in columns]
    run = _upsert_postgresql if database.vendor == "postgresql" else _upsert_sqlite
    with transaction.atomic(using=database.alias):
        run(database, model, fields, rows, key)


def _upsert_sqlite(
    database: BaseDatabaseWrapper, model: type[models.Model], fields: list[Any], rows: Sequence[Row], key: Sequence[str]
) -> None:
    converters = [(at, _SQLITE[kind]) for at, field in enumerate(fields) if (kind := _kind(field)) in _SQLITE]
    marks = ", ".join(["%s"] * len(fields))
    sql = f"{_insert(database, model, fields)} VALUES ({marks}) {_on_conflict(database, model, fields, key)}"

    def adapted() -> Any:
        for row in rows:
            values = list(row)
            for at, convert in converters:
                if values[at] is not None:
                    values[at] = convert(values[at])
            yield values

    with database.cursor() as cursor:
        cursor.executemany(sql, adapted() if converters else rows)


def _upsert_postgresql(
    database: BaseDatabaseWrapper, model: type[models.Model], fields: list[Any], rows: Sequence[Row], key: Sequence[str]
) -> None:
    import psycopg  # only where it is the database

    # One array per column, in binary and bound by the server: the statement is parsed once, however many rows there
    # are, and no value is written out as SQL text, which is what Django's own cursor spends its time on.
    arrays = ", ".join(f"%b::{_cast(database, field)}[]" for field in fields)
    insert, conflict = _insert(database, model, fields), _on_conflict(database, model, fields, key)
    sql = f"{insert} SELECT * FROM unnest({arrays}) {conflict}"  # noqa: S608 - names come from our models
    remaining = iter(rows)
    with database.wrap_database_errors, psycopg.Cursor(database.connection) as cursor:
        while batch := list(islice(remaining, BATCH)):
            cursor.execute(sql, [list(column) for column in zip(*batch, strict=True)])


def _insert(database: BaseDatabaseWrapper, model: type[models.Model], fields: list[Any]) -> str:
    quote = database.ops.quote_name
    return f"INSERT INTO {quote(model._meta.db_table)} ({', '.join(quote(field.column) for field in fields)})"


def _on_conflict(
    database: BaseDatabaseWrapper, model: type[models.Model], fields: list[Any], key: Sequence[str]
) -> str:
    quote = database.ops.quote_name
    keys = [str(model._meta.get_field(name).column) for name in key]  # type: ignore[union-attr]
    updates = [quote(field.column) for field in fields if field.column not in keys]
    sets = ", ".join(f"{column} = EXCLUDED.{column}" for column in updates)
    return f"ON CONFLICT ({', '.join(map(quote, keys))}) DO {f'UPDATE SET {sets}' if sets else 'NOTHING'}"


def _kind(field: Any) -> type | None:
    target = field.target_field if field.is_relation else field
    for kind in _SQLITE:
        if isinstance(target, kind):
            return kind
    return None


def _cast(database: BaseDatabaseWrapper, field: Any) -> str:
    """The element type of a column's array: without a length, which the column itself checks."""
    return str(field.db_type(database)).split("(")[0]


def _dump_datetime(value: datetime) -> str:
    return value.isoformat(" ")[:-6]  # without "+00:00"


def _dump_uuid(value: UUID) -> str:
    return value.hex


# What Django's own SQLite backend writes; DateTimeField before DateField, whose child it is.
_SQLITE: dict[type, Callable[[Any], Any]] = {
    models.DateTimeField: _dump_datetime,
    models.DateField: str,
    models.UUIDField: _dump_uuid,
}
