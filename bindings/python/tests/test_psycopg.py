"""Filters by psycopg, on a real PostgreSQL: what is selected, changed and deleted is what the ward lists."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

import psycopg
import pytest
from psycopg import sql

from caseward import Database, Ward, World
from postgresql import server

NOW = datetime(2026, 5, 11, 9, tzinfo=ZoneInfo("Pacific/Auckland"))


@pytest.fixture(scope="module")
def filled(ward: Ward, sample: World) -> Iterator[tuple[Any, Database]]:
    """A connection to tables that hold the sample."""
    database = Database(ward, "postgres")
    with server() as address, psycopg.connect(address) as con:
        for statement in database.create():
            con.execute(sql.SQL(statement))  # pyright: ignore[reportArgumentType]
        for insert, rows in database.rows(sample):
            # The statement is in PostgreSQL's own words, which a cursor of raw statements takes.
            with psycopg.RawCursor(con) as cursor:
                cursor.executemany(insert.encode(), rows)
        con.commit()
        yield con, database


@pytest.mark.parametrize("style", ["%s", "%(p1)s"])
def test_filters_are_lists(
    ward: Ward, sample: World, filled: tuple[Any, Database], style: Literal["%s", "%(p1)s"]
) -> None:
    con, database = filled
    found = 0
    for id in sample.ids("User")[::7]:
        for action in ("viewSummary", "closeCase"):
            asked = (("User", id), action, "Case")
            made = ward.filter(sample, *asked, database, now=NOW, parameter_style=style)
            rows = con.execute(f"{database.select('Case')} WHERE {made.sql}", made.arguments).fetchall()
            visible = ward.visible(sample, *asked, now=NOW)
            assert sorted(row[0] for row in rows) == sorted(visible.ids())
            found += len(rows)
    assert found > 100


def test_conditions_stand_in_statements_of_ones_own(
    ward: Ward, sample: World, filled: tuple[Any, Database]
) -> None:
    con, database = filled
    lead = next(
        ("User", id)
        for id in sample.ids("User")
        if 3 <= ward.count(sample, ("User", id), "closeCase", "Case", now=NOW) <= 100
    )
    how: dict[str, Any] = {"now": NOW, "parameter_style": "format"}
    may = ward.filter(sample, lead, "closeCase", "Case", database, alias="c", **how)
    count = ward.count(sample, lead, "closeCase", "Case", now=NOW)
    with con.transaction(force_rollback=True):
        closed = con.execute(
            f'UPDATE "case" AS c SET "status" = %s WHERE c."status" = %s AND ({may.sql})',
            ("closed", "open", *may.arguments),
        )
        assert closed.rowcount == count > 0
    # `MERGE` takes the condition where a row is matched.
    with con.transaction(force_rollback=True):
        merged = con.execute(
            f'MERGE INTO "case" AS c USING (SELECT "id" FROM "case") AS s ON s."id" = c."id" '
            f"WHEN MATCHED AND ({may.sql}) THEN UPDATE SET \"status\" = %s",
            (*may.arguments, "closed"),
        )
        assert merged.rowcount == count
