"""Counts and reports as frames: line by line what the tables say."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import duckdb
import pandas
import polars
import pyarrow as pa

from caseward import EntityUid, Table, Ward, World

NOW = datetime(2026, 5, 11, 9, tzinfo=ZoneInfo("Pacific/Auckland"))
NATIONAL = ("User", "u00002")


def lines(table: Table) -> list[dict[str, object]]:
    """As a frame has them: entities by their ids, and no value for an empty set."""
    rows = []
    for line in table.cells:
        keys = [key.id if isinstance(key, EntityUid) else None if key == frozenset() else key for key in line.keys]
        rows.append({**dict(zip(table.by, keys, strict=True)), "count": line.count})
    return rows


def test_counts_are_frames_of_every_library(ward: Ward, sample: World) -> None:
    by = ["status", "provider"]
    table = ward.count_by(sample, NATIONAL, "viewSummary", "Case", by, now=NOW)
    should = lines(table)
    assert len(should) > 5 and sum(line.count or 0 for line in table.cells) == table.total
    assert pa.table(table).to_pylist() == should
    # A table can be read again and again: it is no stream.
    assert polars.DataFrame(table).to_dicts() == should
    assert pandas.DataFrame(pa.table(table).to_pandas())["count"].tolist() == [row["count"] for row in should]
    found = duckdb.connect().from_arrow(pa.table(table)).filter("status = 'open'").fetchall()
    assert len(found) == sum(row["status"] == "open" for row in should)


def test_reports_are_frames_and_what_is_not_told_is_null(ward: Ward, sample: World) -> None:
    by = ["status", "provider"]
    table = ward.count_by(sample, NATIONAL, "viewSummary", "Case", by, below=5, now=NOW)
    frame = polars.DataFrame(table)
    assert frame.to_dicts() == lines(table) and frame["count"].null_count() > 0
    rounded = ward.count_by(sample, NATIONAL, "viewSummary", "Case", by, rounding_key=bytes(range(16)), now=NOW)
    frame = polars.DataFrame(rounded)
    assert frame.to_dicts() == lines(rounded)
    assert all(count % 3 == 0 for count in frame["count"])
    report = ward.report(sample, NATIONAL, "national", "year of openedAt", now=NOW)
    assert report is not None and len(report.cells) > 1
    assert polars.DataFrame(report).to_dicts() == lines(report)
