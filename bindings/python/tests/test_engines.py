"""Frames in the words of the engine that holds them: polars' namespace, DuckDB's connections."""

from __future__ import annotations

import doctest
import importlib
import sqlite3
import subprocess
import sys
from datetime import datetime
from zoneinfo import ZoneInfo

import duckdb
import polars
import pytest
import sqlalchemy
from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

import caseward.polars
from caseward import Database, DataError, Ward, World
from caseward.duckdb import Shown, attach
from caseward.sqlalchemy import condition, visible_rows
from frames import rows_of, table

NOW = datetime(2026, 5, 11, 9, tzinfo=ZoneInfo("Pacific/Auckland"))
PERSON = ("User", "u00001")


@pytest.mark.parametrize("name", ["caseward.polars", "caseward.duckdb", "caseward.sqlalchemy"])
def test_the_code_of_the_modules_runs(name: str) -> None:
    results = doctest.testmod(importlib.import_module(name))
    assert results.attempted > 5 and results.failed == 0


def test_polars_has_a_namespace(ward: Ward, sample: World) -> None:
    frame = polars.DataFrame({"case": sample.ids("Case"), "state": ["open"] * len(sample.ids("Case"))})
    asked = (PERSON, "viewSummary", "Case")
    columns = {"state": "status"}
    for of in (frame, frame.lazy()):
        space: caseward.polars.DataFrameNamespace = of.caseward  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType]
        kept = space.keep(ward, sample, *asked, id="case", now=NOW)
        assert type(kept) is type(of)
        assert rows_of(kept) == rows_of(ward.keep(sample, frame, *asked, id="case", now=NOW))
        mask = space.mask(ward, sample, *asked, id="case", now=NOW)
        assert mask.to_list() == ward.mask(sample, frame, *asked, id="case", now=NOW).to_list()
        shown = space.redact(ward, sample, PERSON, "Case", columns=columns, id="case", now=NOW)
        assert rows_of(shown) == rows_of(
            ward.redact(sample, frame, PERSON, "Case", columns=columns, id="case", now=NOW)
        )


def test_a_connection_holds_what_one_person_sees(ward: Ward, sample: World) -> None:
    cases = sample.ids("Case")
    con = duckdb.connect()
    of = table({"case_id": cases, "state": ["open"] * len(cases), "plan": [f"plan of {case}" for case in cases]})
    con.execute("create table cases as from of")
    con.execute("create view cases_too as from cases")
    shown = Shown("Case", id="case_id", columns={"state": "status", "plan": "supportPlan"})
    mine = attach(ward, sample, con, PERSON, {"cases": shown, "cases_too": shown}, now=NOW)
    redacted = ward.redact(sample, of, PERSON, "Case", columns=shown.columns, id="case_id", now=NOW)
    for name in ("cases", "cases_too", "main.cases"):
        assert rows_of(mine.sql(f"from {name}")) == rows_of(redacted)
    # National contracts sees headers, and no plan.
    assert mine.sql("select 1 from cases where plan is not null").fetchall() == []
    # No road leads to what it was made of.
    secret = of
    for way in (
        "from secret",
        "from read_csv('/etc/hostname')",
        "attach '/tmp/other.duckdb'",
        "copy cases to '/tmp/cases.csv'",
        "set enable_external_access = true",
        "set python_enable_replacements = true",
        "install httpfs",
    ):
        with pytest.raises(duckdb.Error):
            mine.execute(way)
    assert secret.num_rows == len(cases) and con.sql("from cases").to_arrow_table().num_rows == len(cases)
    with pytest.raises(DataError, match="holds the ids"):
        attach(ward, sample, con, PERSON, {"cases": shown._replace(columns={"case_id": "status"})}, now=NOW)


def test_sqlalchemy_selects_updates_and_deletes_what_a_person_may(ward: Ward, sample: World) -> None:
    database = Database(ward, "sqlite")
    con = sqlite3.connect(":memory:", check_same_thread=False)
    for statement in database.create():
        con.execute(statement)
    for insert, rows in database.rows(sample):
        con.executemany(insert, rows)
    con.commit()
    engine = create_engine("sqlite://", creator=lambda: con, poolclass=StaticPool)
    cases = sqlalchemy.table("case", sqlalchemy.column("id"), sqlalchemy.column("status"))
    some = 0
    with engine.connect() as connection:
        for id in sample.ids("User")[::20]:
            seen = ward.visible(sample, ("User", id), "viewSummary", "Case", now=NOW).ids()
            may = condition(ward, sample, ("User", id), "viewSummary", "Case", database, now=NOW)
            shown = visible_rows(cases, may)
            assert sorted(connection.scalars(sqlalchemy.select(shown.c.id))) == sorted(seen)
            # Beside other conditions, itself among them, and in every statement.
            mine = sqlalchemy.select(cases.c.id).where(may, cases.c.status == "open", sqlalchemy.or_(may, may))
            assert {*connection.scalars(mine)} <= {*seen}
            touched = connection.execute(sqlalchemy.update(cases).where(may).values(status=cases.c.status))
            assert touched.rowcount == len(seen)
            deleted = connection.execute(sqlalchemy.delete(cases).where(may))
            assert deleted.rowcount == len(seen)
            connection.rollback()
            some += bool(seen)
    assert some > 3


def test_no_library_of_frames_is_imported_with_the_package() -> None:
    """Nor with the module that knows them, until a frame of one is given."""
    code = (
        "import sys; before = set(sys.modules); import caseward, caseward._frames; "
        "print([n for n in ('polars', 'pandas', 'numpy', 'pyarrow', 'duckdb', 'narwhals') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
