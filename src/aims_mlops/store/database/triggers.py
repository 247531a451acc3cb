"""Triggers that make the tables of the log insert-only, as SQL for each database."""

from __future__ import annotations

_TABLES = ("aims_records", "aims_subjects", "aims_tiles", "aims_log_keys")


def sqlite_triggers() -> dict[str, str]:
    """Trigger name -> CREATE statement, word for word as SQLite keeps it."""
    found: dict[str, str] = {}
    for table in _TABLES:
        for action in ("UPDATE", "DELETE"):
            name = f"{table}_no_{action.lower()}"
            found[name] = (
                f"CREATE TRIGGER {name} BEFORE {action} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is insert-only'); END"
            )
    # INSERT OR REPLACE deletes without firing the trigger on DELETE, so it is barred by itself.
    found["aims_records_no_replace"] = (
        "CREATE TRIGGER aims_records_no_replace BEFORE INSERT ON aims_records "
        "WHEN NEW.sequence <= (SELECT max(sequence) FROM aims_records) "
        "OR EXISTS (SELECT 1 FROM aims_records WHERE id = NEW.id) "
        "OR EXISTS (SELECT 1 FROM aims_records WHERE key = NEW.key) "
        "BEGIN SELECT RAISE(ABORT, 'aims_records: UNIQUE, only new rows at the end'); END"
    )
    for table, same in (
        ("aims_tiles", "level = NEW.level AND position = NEW.position"),
        ("aims_log_keys", "valid_from >= NEW.valid_from"),
    ):
        name = f"{table}_no_replace"
        present = f"EXISTS (SELECT 1 FROM {table} WHERE {same})"  # noqa: S608  only constants
        found[name] = (
            f"CREATE TRIGGER {name} BEFORE INSERT ON {table} WHEN {present} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is insert-only'); END"
        )
    found["aims_head_no_delete"] = (
        "CREATE TRIGGER aims_head_no_delete BEFORE DELETE ON aims_head "
        "BEGIN SELECT RAISE(ABORT, 'aims_head cannot be deleted'); END"
    )
    found["aims_head_one_row"] = (
        "CREATE TRIGGER aims_head_one_row BEFORE INSERT ON aims_head "
        "WHEN EXISTS (SELECT 1 FROM aims_head) "
        "BEGIN SELECT RAISE(ABORT, 'aims_head has one row'); END"
    )
    found["aims_head_grows"] = (
        "CREATE TRIGGER aims_head_grows BEFORE UPDATE ON aims_head "
        "WHEN NEW.size < OLD.size OR NEW.log_id <> OLD.log_id OR NEW.id <> OLD.id "
        "BEGIN SELECT RAISE(ABORT, 'aims_head only grows'); END"
    )
    return found


def postgresql_triggers() -> list[str]:
    """Functions and triggers; TRUNCATE is barred too, ON CONFLICT DO UPDATE counts as UPDATE."""
    statements = [
        (
            "CREATE FUNCTION aims_insert_only() RETURNS trigger LANGUAGE plpgsql AS $$ "
            "BEGIN RAISE EXCEPTION '% is insert-only', TG_TABLE_NAME; END $$"
        ),
        (
            "CREATE FUNCTION aims_head_grows() RETURNS trigger LANGUAGE plpgsql AS $$ "
            "BEGIN IF NEW.size < OLD.size OR NEW.log_id <> OLD.log_id OR NEW.id <> OLD.id THEN "
            "RAISE EXCEPTION 'aims_head only grows'; END IF; RETURN NEW; END $$"
        ),
        (
            "CREATE TRIGGER aims_head_grows BEFORE UPDATE ON aims_head "
            "FOR EACH ROW EXECUTE FUNCTION aims_head_grows()"
        ),
        (
            "CREATE TRIGGER aims_head_no_delete BEFORE DELETE ON aims_head "
            "FOR EACH ROW EXECUTE FUNCTION aims_insert_only()"
        ),
        (
            "CREATE TRIGGER aims_head_no_truncate BEFORE TRUNCATE ON aims_head "
            "FOR EACH STATEMENT EXECUTE FUNCTION aims_insert_only()"
        ),
        "ALTER TABLE aims_head ADD CONSTRAINT aims_head_one_row CHECK (id = 1)",
    ]
    for table in _TABLES:
        statements.append(
            f"CREATE TRIGGER {table}_insert_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION aims_insert_only()"
        )
        statements.append(
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION aims_insert_only()"
        )
    return statements


def postgresql_trigger_names() -> set[str]:
    """The names of the triggers that `postgresql_triggers` makes."""
    words = (statement.split() for statement in postgresql_triggers())
    return {found[2] for found in words if found[:2] == ["CREATE", "TRIGGER"]}
