"""Tables of Ibis stay expressions of their backend, and are joined there with the ids of one person."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import ibis
import pytest

from caseward import Column, DataError, Ward, World

NOW = datetime(2026, 5, 11, 9, tzinfo=ZoneInfo("Pacific/Auckland"))


# Ibis asks this DuckDB by a name that it is about to lose.
@pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning")
def test_a_table_is_joined_where_it_is(ward: Ward, sample: World) -> None:
    con = ibis.duckdb.connect()
    con.raw_sql("CREATE TABLE cases (case_id VARCHAR, reader VARCHAR)")
    users, cases = sample.ids("User"), sample.ids("Case")
    rows = [(case, users[at % len(users)]) for at, case in enumerate(cases)]
    con.con.executemany("INSERT INTO cases VALUES (?, ?)", [*rows, (None, None)])
    person = next(
        ("User", id) for id in users if 3 <= ward.count(sample, ("User", id), "viewSummary", "Case", now=NOW) <= 100
    )
    table = con.table("cases")
    kept = ward.keep(sample, table, person, "viewSummary", "Case", id="case_id", now=NOW)
    assert "SEMI JOIN" in ibis.to_sql(kept)
    visible = ward.visible(sample, person, "viewSummary", "Case", now=NOW)
    assert sorted(kept.case_id.to_pyarrow().to_pylist()) == sorted(visible.ids())
    # A filter and an aggregate behind it are the backend's as well.
    first = kept.filter(kept.case_id == visible.ids()[0])
    assert first.count().to_pyarrow().as_py() == 1 and kept.count().to_pyarrow().as_py() == len(visible)
    many = ward.keep(sample, table, Column("User", "reader"), "viewSummary", "Case", id="case_id", now=NOW)
    decided = ward.mask(sample, table, Column("User", "reader"), "viewSummary", "Case", id="case_id", now=NOW)
    assert many.count().to_pyarrow().as_py() == decided.count() > 0
    shown = ward.redact(sample, table, person, "Case", columns={"reader": "Case.number"}, id="case_id", now=NOW)
    assert sorted(shown.case_id.to_pyarrow().to_pylist()) == sorted(visible.ids())
    with pytest.raises(DataError, match="no column `id`"):
        ward.keep(sample, table, person, "viewSummary", "Case", now=NOW)
