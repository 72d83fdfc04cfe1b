"""Runs the page on Spark, and looks at plans and pairs: for an interpreter that has pyspark, as the wheel's has not."""

from __future__ import annotations

import importlib
import sys
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from caseward import Column, DataError, Ward, World
from pages import DATA, blocks_of

NOW = datetime(2026, 5, 11, 9, tzinfo=ZoneInfo("Pacific/Auckland"))


def main(spark: Any) -> None:
    page = DATA / "spark.md"
    names: dict[str, object] = {"spark": spark}
    for line, block in blocks_of(page):
        exec(compile("\n" * line + block, str(page), "exec"), names)

    ward = Ward.attendance()
    world = World.sample(ward, cases=300, seed=7)
    cases, people = world.ids("Case"), world.ids("User")
    rows = [(number, cases[number % 300], people[number % 40]) for number in range(600)]
    rows += [(600, None, people[0]), (601, "nobody", people[0]), (602, cases[0], None)]
    frame = spark.createDataFrame(rows, "number int, case string, worker string").repartition(4)
    person = next(
        ("User", id) for id in people if 3 <= ward.count(world, ("User", id), "viewSummary", "Case", now=NOW) <= 100
    )
    for who in (person, Column("User", "worker")):
        kept = ward.keep(world, frame, who, "viewSummary", "Case", id="case", now=NOW)
        plan = kept._jdf.queryExecution().executedPlan().toString()
        assert "BroadcastHashJoin" in plan and "LeftSemi" in plan, plan
        assert kept.columns == frame.columns or sorted(kept.columns) == sorted(frame.columns)
        expected = [
            number
            for number, case, worker in rows
            if case is not None
            and (isinstance(who, tuple) or worker is not None)
            and ward.check(
                world, who if isinstance(who, tuple) else ("User", worker), "viewSummary", ("Case", case), now=NOW
            )
        ]
        assert sorted(row["number"] for row in kept.collect()) == expected and expected
        mask = ward.mask(world, frame, who, "viewSummary", "Case", id="case", now=NOW)
        assert mask.count() == len(expected)
    said = ""
    try:
        ward.keep(world, frame, person, "viewSummary", "Case", id="absent", now=NOW)
    except DataError as error:
        said = str(error)
    assert "no column `absent`" in said
    print("as check decides")


if __name__ == "__main__":
    sessions: Any = importlib.import_module("pyspark.sql").SparkSession
    session = (
        sessions.builder.master(sys.argv[1] if len(sys.argv) > 1 else "local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.sql.warehouse.dir", str(Path.cwd() / "warehouse"))
        .getOrCreate()
    )
    try:
        main(session)
    finally:
        session.stop()
