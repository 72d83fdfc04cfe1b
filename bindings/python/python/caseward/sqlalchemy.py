"""A filter as a condition of SQLAlchemy, and the rows that a person may see as something to select from.

>>> from sqlalchemy import column, select, table
>>> from caseward import Database, Ward, World
>>> from caseward.sqlalchemy import condition, visible_rows
>>> ward = Ward.attendance()
>>> world = World.sample(ward, cases=50)
>>> database = Database(ward, "sqlite")
>>> cases = table("case", column("id"), column("status"))
>>> may_see = condition(ward, world, ("User", "u00001"), "viewSummary", "Case", database)
>>> shown = visible_rows(cases, may_see)
>>> "WHERE" in str(select(shown.c.id).where(shown.c.status == "open"))
True
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Boolean, bindparam, select, text, type_coerce
from sqlalchemy.sql.elements import Grouping

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import ColumnElement, FromClause, Subquery

    from caseward import Database, Ward, World


def condition(
    ward: Ward,
    world: World,
    principal: Any,
    action: str,
    resource_type: str,
    database: Database,
    context: Any = None,
    *,
    alias: str | None = None,
    now: datetime | None = None,
) -> ColumnElement[bool]:
    """`Ward.filter` as a condition for `where` of a `select`, an `update` or a `delete`, with its parameters bound.

    It asks the tables that the database's mapping names. `alias` is what the statement calls the table of the records,
    where that is another name.
    """
    made = ward.filter(
        world, principal, action, resource_type, database, context, parameter_style=":p1", alias=alias, now=now
    )
    if made.setup:
        raise TypeError("a filter for Spark needs views beside it: ask `Ward.filter`")
    given = made.arguments
    values = given if isinstance(given, dict) else {}
    # Names of their own, so that it stands beside other conditions.
    bound: list[Any] = [bindparam(name, value, unique=True) for name, value in values.items()]
    return type_coerce(Grouping(text(made.sql).bindparams(*bound)), Boolean)


def visible_rows(table: FromClause, may_see: ColumnElement[bool]) -> Subquery:
    """The rows of a table for which a condition holds, under the table's name: to select from, join and aggregate.

    What selects from it cannot go around the condition, as text of SQL can go around criteria of a session's loader.
    """
    return select(table).where(may_see).subquery(getattr(table, "name", None))
