"""The audit trail cannot be rewritten: the database itself refuses, whoever asks it.

What stands below lets go of an event only while an `AuditPurge` of its organization is open that reaches it, and of
none younger than YOUNGEST_DAYS. Who owns the database can drop a trigger; who only talks to it cannot get around one.

Installed after each `migrate`, since SQLite loses a table's triggers when a migration rebuilds the table; and taken off
before it there, since SQLite rebuilds no table that a trigger elsewhere speaks of.
"""

from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

YOUNGEST_DAYS = 90
EVENTS, PURGES = "organizations_auditevent", "organizations_auditpurge"
REFUSAL = "The audit trail is append-only."
TABLES = {EVENTS: "organizations_guard_audit", PURGES: "organizations_guard_purges"}

_SQLITE_DROP = [
    f"DROP TRIGGER IF EXISTS {name}_{act}" for name in TABLES.values() for act in ("insert", "update", "delete")
]
_SQLITE = [
    # INSERT OR REPLACE would delete a row without asking the trigger of DELETE.
    *(
        f"CREATE TRIGGER {name}_insert BEFORE INSERT ON {table} WHEN EXISTS (SELECT 1 FROM {table} WHERE id = NEW.id) "
        f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
        for table, name in TABLES.items()
    ),
    f"CREATE TRIGGER {TABLES[EVENTS]}_update BEFORE UPDATE ON {EVENTS} BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END",
    f"CREATE TRIGGER {TABLES[EVENTS]}_delete BEFORE DELETE ON {EVENTS} "
    f"WHEN OLD.at >= strftime('%Y-%m-%d %H:%M:%S', 'now', '-{YOUNGEST_DAYS} days') OR NOT EXISTS "
    f"(SELECT 1 FROM {PURGES} p WHERE p.organization_id = OLD.organization_id AND OLD.at < p.before "
    "AND p.finished_at IS NULL) "
    f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END",
    f"CREATE TRIGGER {TABLES[PURGES]}_update BEFORE UPDATE ON {PURGES} WHEN OLD.finished_at IS NOT NULL "
    "OR NEW.id IS NOT OLD.id OR NEW.organization_id IS NOT OLD.organization_id OR NEW.before IS NOT OLD.before "
    f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END",
    f"CREATE TRIGGER {TABLES[PURGES]}_delete BEFORE DELETE ON {PURGES} BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END",
]
_POSTGRESQL_DROP = [
    f"DROP TRIGGER IF EXISTS {name}_{kind} ON {table}" for table, name in TABLES.items() for kind in ("rows", "table")
]
_POSTGRESQL = [
    f"""
    CREATE OR REPLACE FUNCTION {TABLES[EVENTS]}() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' THEN
            IF OLD.at < now() - interval '{YOUNGEST_DAYS} days' AND EXISTS (
                SELECT 1 FROM {PURGES} p WHERE p.organization_id = OLD.organization_id AND OLD.at < p.before
                AND p.finished_at IS NULL
            ) THEN
                RETURN OLD;
            END IF;
        END IF;
        RAISE EXCEPTION '{REFUSAL}' USING ERRCODE = 'restrict_violation';
    END $$
    """,
    f"""
    CREATE OR REPLACE FUNCTION {TABLES[PURGES]}() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'UPDATE' THEN
            IF OLD.finished_at IS NULL AND NEW.id = OLD.id AND NEW.organization_id = OLD.organization_id
                AND NEW.before = OLD.before
            THEN
                RETURN NEW;
            END IF;
        END IF;
        RAISE EXCEPTION '{REFUSAL}' USING ERRCODE = 'restrict_violation';
    END $$
    """,
    *(
        f"CREATE TRIGGER {name}_rows BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()"
        for table, name in TABLES.items()
    ),
    *(
        f"CREATE TRIGGER {name}_table BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION {name}()"
        for table, name in TABLES.items()
    ),
]


def install(connection: BaseDatabaseWrapper) -> None:
    """Make the triggers anew: no harm where they are there already."""
    uninstall(connection)
    _run(connection, _POSTGRESQL if connection.vendor == "postgresql" else _SQLITE)


def uninstall(connection: BaseDatabaseWrapper) -> None:
    """For tests that empty every table, and nobody else."""
    _run(connection, _POSTGRESQL_DROP if connection.vendor == "postgresql" else _SQLITE_DROP)


def uninstall_before_migrating(using: str, plan: Any = None, **kwargs: Any) -> None:
    """On SQLite, where there is something to migrate. A migration that fails leaves it off: a check says so."""
    connection = connections[using]
    if connection.vendor == "sqlite" and plan:
        uninstall(connection)


def install_after_migrating(using: str, **kwargs: Any) -> None:
    """Where the tables are there: migrating backwards takes them away."""
    connection = connections[using]
    if {EVENTS, PURGES} <= set(connection.introspection.table_names()):
        install(connection)


def is_installed(connection: BaseDatabaseWrapper) -> bool:
    """Whether every trigger is there."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            wanted = {f"{name}_{kind}" for name in TABLES.values() for kind in ("rows", "table")}
            cursor.execute("SELECT tgname FROM pg_trigger WHERE tgenabled <> 'D' AND tgname = ANY(%s)", [list(wanted)])
        else:
            wanted = {f"{name}_{act}" for name in TABLES.values() for act in ("insert", "update", "delete")}
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        return wanted <= {row[0] for row in cursor.fetchall()}


def _run(connection: BaseDatabaseWrapper, statements: list[str]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
