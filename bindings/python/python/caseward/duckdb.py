"""A DuckDB that holds what one person may see, and nothing else.

>>> import duckdb
>>> from caseward import Ward, World
>>> from caseward.duckdb import Shown, attach
>>> ward = Ward.attendance()
>>> world = World.sample(ward, cases=50)
>>> con = duckdb.connect()
>>> ids = world.ids("Case")
>>> _ = con.execute("create table cases as select unnest($1) as case_id, 'open' as state", [ids])
>>> shown = {"cases": Shown("Case", id="case_id", columns={"state": "status"})}
>>> mine = attach(ward, world, con, ("User", "u00001"), shown)
>>> [(seen,)] = mine.sql("select count(*) from cases where state = 'open'").fetchall()
>>> seen == ward.count(world, ("User", "u00001"), "viewSummary", "Case")
True
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import duckdb

from ._kinds import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from caseward import Ward, World


class Shown(NamedTuple):
    """How a table is shown: the type of its records, the column of their ids, and the field that each column holds."""

    type: str
    id: str
    columns: Mapping[str, str]


def attach(
    ward: Ward,
    world: World,
    con: duckdb.DuckDBPyConnection,
    principal: Any,
    tables: Mapping[str, Shown],
    context: Any = None,
    *,
    ending: str | None = "_withheld",
    now: datetime | None = None,
) -> duckdb.DuckDBPyConnection:
    """A connection of its own, with tables and views of `con` under their names, as `Ward.redact` shows them.

    It is a copy in memory, as of now: a view beside the tables that it hides could be gone around, by the name of their
    schema. The connection reads no file, no network and no variable of Python, so that any query may run in it, whoever
    wrote it.
    """
    mine = duckdb.connect(":memory:")
    try:
        for name, shown in tables.items():
            wanted = ", ".join(quoted(column) for column in dict.fromkeys([shown.id, *shown.columns]))
            rows = con.sql(f"select {wanted} from {quoted(name)}").to_arrow_reader()
            redacted = ward.redact(
                world,
                rows,
                principal,
                shown.type,
                context,
                columns=shown.columns,
                id=shown.id,
                ending=ending,
                now=now,
            )
            # By a name that no table has: one that stands for a table is looked up first.
            mine.register("caseward_rows", redacted)
            mine.execute(f"create table {quoted(name)} as from caseward_rows")
            mine.unregister("caseward_rows")
        mine.execute("set python_enable_replacements = false")
        mine.execute("set enable_external_access = false")
        mine.execute("set lock_configuration = true")
    except BaseException:
        mine.close()
        raise
    return mine
