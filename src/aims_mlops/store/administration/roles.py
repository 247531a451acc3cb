"""A PostgreSQL role under which the application can add to the log and change nothing in it.

Triggers hold everybody but the owner of the tables. So the tables belong to whoever runs the
migrations, and the application connects as this role: it may not even switch a trigger off.
"""

from __future__ import annotations

import re

from aims_mlops.errors import InputError

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")


def postgresql_role_script(role: str, *, schema: str = "public") -> str:
    """SQL that grants a role what an application needs, and no more; run it as the owner.

    The one row of aims_head must be updated with every append, and a trigger lets it only grow.
    Rows of aims_blob_keys are what erasing destroys. Raises InputError for names that need quotes.
    """
    for name in (role, schema):
        if not _NAME.match(name):
            raise InputError(
                "not a plain name in PostgreSQL", got=repr(name)[:80], expected="a-z, 0-9 and _"
            )
    tables = ("aims_records", "aims_subjects", "aims_tiles", "aims_log_keys")
    lines = [
        "BEGIN;",
        f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {role};",
        f"REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC;",
        f"GRANT USAGE ON SCHEMA {schema} TO {role};",
        *(f"GRANT SELECT, INSERT ON {schema}.{table} TO {role};" for table in tables),
        f"GRANT SELECT, UPDATE ON {schema}.aims_head TO {role};",
        f"GRANT SELECT, INSERT, DELETE ON {schema}.aims_blob_keys TO {role};",
        f"GRANT SELECT ON {schema}.aims_version TO {role};",
        "COMMIT;",
    ]
    return "\n".join(lines) + "\n"
