"""Frames of every kind: each row is decided as `check` decides it, and nothing else comes out."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import narwhals
import numpy
import pandas
import polars
import pyarrow as pa
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from caseward import Changes, Column, DataError, RequestError, Ward, World
from caseward.testing import requests, worlds
from frames import KINDS, LAYOUTS, Opaque, Rows, chunked, relation, rows_of, table

NOW = datetime(2026, 5, 11, 9, tzinfo=ZoneInfo("Pacific/Auckland"))
PERSON = ("User", "u00001")
# Somebody who sees some of the cases and not others.
WORKER = ("User", "u00200")


@pytest.fixture(scope="module")
def worker(ward: Ward, sample: World) -> tuple[str, str]:
    """Somebody who sees some of the cases, and not most."""
    for id in sample.ids("User"):
        if 3 <= ward.count(sample, ("User", id), "viewSummary", "Case", now=NOW) <= 100:
            return ("User", id)
    raise AssertionError("nobody sees some cases")


@pytest.fixture(scope="module")
def rows(sample: World) -> Rows:
    """Cases with what a data team has of them; an id that is missing, one that nothing has, and one that is empty."""
    cases = [*sample.ids("Case")[:40], None, "nobody", ""]
    return {"number": list(range(len(cases))), "case": cases, "worker": [*sample.ids("User")[:42], None]}


@pytest.mark.parametrize("kind", KINDS)
def test_a_frame_keeps_its_kind_and_the_rows_that_are_allowed(
    ward: Ward, sample: World, worker: tuple[str, str], rows: Rows, kind: str
) -> None:
    frame = KINDS[kind](table(rows))
    kept = ward.keep(sample, frame, worker, "viewSummary", "Case", id="case", now=NOW)
    if kind != "opaque":
        assert type(kept) is type(frame)
    seen = ward.visible(sample, worker, "viewSummary", "Case", now=NOW)
    expected = [row for row in table(rows).to_pylist() if row["case"] and ("Case", row["case"]) in seen]
    assert sorted(rows_of(kept), key=lambda row: row["number"]) == expected


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("kind", KINDS)
def test_masks_are_checks_row_by_row(
    ward: Ward, sample: World, worker: tuple[str, str], rows: Rows, kind: str, layout: str
) -> None:
    if (kind, layout) == ("pandas arrow", "view"):
        pytest.skip("pandas takes no rows of views")

    def check(principal: Any, case: str | None) -> bool:
        if principal is None or case is None:
            return False
        asked = (principal, "viewSummary", ("Case", case))
        return ward.check(sample, *asked, now=NOW).allowed

    frame = KINDS[kind](chunked(table(rows, layout), 7))
    mask = ward.mask(sample, frame, worker, "viewSummary", "Case", id="case", now=NOW)
    assert mask.to_list() == [check(worker, case) for case in rows["case"]]
    assert (mask.policy_hash, mask.version) == (ward.policy_hash, sample.version)

    # A column of principals works as one does.
    frame = KINDS[kind](chunked(table(rows, layout), 7))
    people = Column("User", "worker")
    mask = ward.mask(sample, frame, people, "viewSummary", "Case", id="case", now=NOW)
    pairs = list(zip(rows["worker"], rows["case"], strict=True))
    assert mask.to_list() == [check(user and ("User", user), case) for user, case in pairs]
    frame = KINDS[kind](chunked(table(rows, layout), 7))
    kept = ward.keep(sample, frame, people, "viewSummary", "Case", id="case", now=NOW)
    numbers = sorted(row["number"] for row in rows_of(kept))
    assert numbers == [number for number, allowed in enumerate(mask) if allowed]


@given(data=st.data())
def test_masks_are_checks_on_random_worlds(ward: Ward, clinic: Ward, data: st.DataObject) -> None:
    of = data.draw(st.sampled_from([ward, clinic]))
    world = data.draw(worlds(of))
    principal, action, resource, context = data.draw(requests(of, world))
    some = st.none() | st.sampled_from([*world.ids(resource.type), resource.id, "nobody"])
    ids = data.draw(st.lists(some, max_size=12))
    layout = data.draw(st.sampled_from(sorted(LAYOUTS)))
    kind = data.draw(st.sampled_from(sorted(KINDS)))
    assume((kind, layout) != ("pandas arrow", "view"))
    at = data.draw(st.integers(0, len(ids)))
    whole = table({"number": list(range(len(ids))), "id": ids}, layout)
    whole = whole.set_column(0, "number", whole.column("number").cast(pa.int64()))
    if ids:
        whole = chunked(whole, at)
    asked = (principal, action, resource.type, context)
    mask = of.mask(world, KINDS[kind](whole), *asked).to_list()
    expected = [
        id is not None and of.check(world, principal, action, (resource.type, id), context).allowed for id in ids
    ]
    assert mask == expected
    kept = rows_of(of.keep(world, KINDS[kind](whole), *asked))
    assert sorted(row["number"] for row in kept) == [number for number, is_allowed in enumerate(mask) if is_allowed]


def test_ids_are_a_table_to_join_with(ward: Ward, sample: World, worker: tuple[str, str], rows: Rows) -> None:
    cases = ward.visible(sample, worker, "viewSummary", "Case", now=NOW)
    assert pa.table(cases).to_pydict() == {"case": cases.ids()}
    assert polars.DataFrame(cases.table("case_id")).to_dict(as_series=False) == {"case_id": cases.ids()}
    frame = polars.DataFrame(table(rows))
    expected = [row for row in rows["case"] if row in set(cases.ids())]
    lazy = frame.lazy().join(polars.LazyFrame(cases), on="case", how="semi", maintain_order="left")
    assert "SEMI JOIN" in lazy.explain()
    assert lazy.collect().get_column("case").to_list() == expected
    con = duckdb.connect()
    con.register("mine", table(rows))
    found = con.sql("select \"case\" from mine semi join cases using (\"case\") order by number").fetchall()
    assert [case for (case,) in found] == expected
    plan = con.sql("explain select * from mine semi join cases using (\"case\")").fetchall()
    assert "SEMI" in plan[0][1]

    # And why, where that is asked for.
    explained = pa.table(cases.table(rules=True)).to_pylist()
    assert [row["case"] for row in explained] == cases.ids()
    for row in explained[:5]:
        answer = ward.check(sample, worker, "viewSummary", ("Case", row["case"]), now=NOW)
        assert tuple(row["rules"]) == answer.rules
    people = ward.who(sample, "User", "viewSummary", ("Case", cases.ids()[0]), now=NOW)
    assert pa.table(people).column_names == ["user"]
    with pytest.raises(DataError, match="who_with_reasons"):
        people.table(rules=True)
    with pytest.raises(DataError, match="`rules` is the name"):
        cases.table("rules", rules=True)


def test_rules_are_of_the_version_that_the_ids_are_of(ward: Ward) -> None:
    world = World.sample(ward, cases=50, seed=2)
    cases = ward.visible(world, PERSON, "viewSummary", "Case", now=NOW)
    world.apply(Changes().set(("Case", cases.ids()[0]), "prosecutionNotified", True))
    with pytest.raises(DataError, match="the data changed"):
        pa.table(cases.table(rules=True))
    assert pa.table(cases.table()).num_rows == len(cases)


def test_what_is_lazy_stays_lazy(ward: Ward, sample: World, worker: tuple[str, str], rows: Rows) -> None:
    lazy = polars.DataFrame(table(rows)).lazy()
    kept = ward.keep(sample, lazy, worker, "viewSummary", "Case", id="case", now=NOW)
    assert "SEMI JOIN" in kept.explain()
    # Where the ids are no plain text, the rows are decided as they come by.
    categories = lazy.with_columns(polars.col("case").cast(polars.Categorical))
    again = ward.keep(sample, categories, worker, "viewSummary", "Case", id="case", now=NOW)
    assert "FILTER" in again.explain()
    assert again.collect().get_column("number").to_list() == kept.collect().get_column("number").to_list()
    reader = table(rows).to_reader(max_chunksize=4)
    stream = ward.keep(sample, reader, worker, "viewSummary", "Case", id="case", now=NOW)
    assert stream.read_next_batch().num_rows <= 4
    relation_ = relation(table(rows))
    once = ward.keep(sample, relation_, worker, "viewSummary", "Case", id="case", now=NOW)
    assert "SEMI" in once.explain()
    twice = ward.keep(sample, once, PERSON, "viewSummary", "Case", id="case", now=NOW)
    assert twice.fetchall() == once.fetchall()


def test_rows_that_are_left_out_are_in_no_dictionary(ward: Ward, sample: World, worker: tuple[str, str]) -> None:
    """A frame that is handed on must not carry along what was in other rows."""
    cases = sample.ids("Case")
    secrets = pa.array([f"a secret of {case}" for case in cases]).dictionary_encode()
    whole = pa.table({"case": cases, "secret": secrets})
    seen = {f"a secret of {case}" for case in ward.visible(sample, worker, "viewSummary", "Case", now=NOW).ids()}
    for people in (worker, ("User", [worker[1]] * len(cases))):
        asked = (people, "viewSummary", "Case")
        kept = ward.keep(sample, whole, *asked, id="case", now=NOW)
        assert {*kept.column("secret").combine_chunks().dictionary.to_pylist()} == seen
        frame = ward.keep(sample, whole.to_pandas(), *asked, id="case", now=NOW)
        assert {*frame["secret"].cat.categories} == seen
    kept = pa.table(ward.keep(sample, Opaque(whole), worker, "viewSummary", "Case", id="case", now=NOW))
    assert {*kept.column("secret").combine_chunks().dictionary.to_pylist()} == seen


def test_streams_are_kept_batch_by_batch(ward: Ward, sample: World, worker: tuple[str, str]) -> None:
    """A stream is as long as it likes: no more of it is in memory than the batch that is looked at."""
    cases = sample.ids("Case")
    given_out = 0

    def batches() -> Any:
        nonlocal given_out
        for start in range(200):
            given_out += 1
            yield pa.record_batch({"case": [cases[(start + at) % len(cases)] for at in range(100)]})

    schema = pa.schema([("case", pa.string())])
    reader = pa.RecordBatchReader.from_batches(schema, batches())
    kept = ward.keep(sample, reader, worker, "viewSummary", "Case", id="case", now=NOW)
    assert given_out == 0
    kept.read_next_batch()
    assert given_out <= 2
    seen = set(ward.visible(sample, worker, "viewSummary", "Case", now=NOW).ids())
    rest = kept.read_all().column("case").to_pylist()
    assert rest and {*rest} <= seen and given_out == 200


# What is wrong, and what is said of it.
def wrong_frames() -> list[tuple[Any, str]]:
    lying = pa.StringArray.from_buffers(1, pa.py_buffer(b"\0\0\0\0\2\0\0\0"), pa.py_buffer(b"\xff\xfe"))

    def failing() -> Any:
        yield pa.record_batch({"case": ["c0000001"]})
        raise OSError("the disk is gone")

    schema = pa.schema([("case", pa.string())])
    return [
        (pa.table({"case": [1, 2]}), "column `case` holds Int64, and ids are text"),
        (polars.DataFrame({"case": [[1], [2]]}), "column `case` holds (Large)?List"),
        (pandas.DataFrame({"case": ["c1", None, 3]}, dtype=object), "column `case`, row 2: an id is text, found int"),
        (pa.table({"other": ["c1"]}), "no column `case`: it has `other`"),
        (polars.DataFrame({"other": ["c1"]}), "no column `case`: it has `other`"),
        (polars.LazyFrame({"other": ["c1"]}), "no column `case`: it has `other`"),
        (pandas.DataFrame({"other": ["c1"]}), "no column `case`: it has `other`"),
        (relation(pa.table({"other": ["c1"]})), "no column `case`: it has `other`"),
        (Opaque(pa.table({"other": ["c1"]})), "no column `case`: it has `other`"),
        (pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], ["case", "case"]), "two columns `case`"),
        (pandas.DataFrame([["a", "b"]], columns=["case", "case"]), "two columns `case`"),
        (pa.table({"case": pa.array([{"a": 1}])}), "column `case` holds Struct"),
        (pa.table({"case": lying}), "column `case`.*UTF-?8"),
        (Opaque(pa.table({"case": lying})), "column `case`.*UTF-?8"),
        (pa.RecordBatchReader.from_batches(schema, failing()), "the disk is gone"),
    ]


@pytest.mark.parametrize("number", range(15))
def test_bad_frames_are_errors_that_name_the_column(ward: Ward, sample: World, number: int) -> None:
    frame, said = wrong_frames()[number]
    with pytest.raises((DataError, OSError, pa.ArrowException), match=said):
        rows_of(ward.keep(sample, frame, PERSON, "viewSummary", "Case", id="case", now=NOW))


def test_bad_questions_are_errors(ward: Ward, sample: World) -> None:
    frame = pa.table({"case": ["c0000001"], "who": ["u00001"]})
    absurd = [(PERSON, "nothing", "Case"), (PERSON, "viewSummary", "No"), (("No", "x"), "viewSummary", "Case")]
    for who, action, ty in absurd:
        with pytest.raises(RequestError):
            ward.mask(sample, frame, who, action, ty, id="case", now=NOW)
    with pytest.raises(TypeError, match="is no frame"):
        ward.keep(sample, [1, 2], PERSON, "viewSummary", "Case", id="case", now=NOW)
    with pytest.raises(DataError, match="no column `worker`"):
        ward.mask(sample, frame, Column("User", "worker"), "viewSummary", "Case", id="case", now=NOW)
    with pytest.raises(DataError, match="has 2 rows, and `case` has 1"):
        ward.mask(sample, frame, ("User", ["a", "b"]), "viewSummary", "Case", id="case", now=NOW)
    stream = ward.keep(sample, Opaque(frame), PERSON, "viewSummary", "Case", id="case", now=NOW)
    pa.table(stream)
    with pytest.raises(ValueError, match="read before"):
        pa.table(stream)


@pytest.mark.parametrize("kind", KINDS)
def test_empty_frames_are_frames(ward: Ward, sample: World, kind: str) -> None:
    empty = table({"case": []})
    assert len(ward.mask(sample, KINDS[kind](empty), PERSON, "viewSummary", "Case", id="case", now=NOW)) == 0
    kept = ward.keep(sample, KINDS[kind](empty), PERSON, "viewSummary", "Case", id="case", now=NOW)
    assert rows_of(kept) == []
    nothing = pa.table({"case": pa.nulls(3)})
    mask = ward.mask(sample, nothing, PERSON, "viewSummary", "Case", id="case", now=NOW)
    assert mask.to_list() == [False] * 3


def test_a_mask_is_an_array_to_every_library(ward: Ward, sample: World, rows: Rows) -> None:
    mask = ward.mask(sample, table(rows), PERSON, "viewSummary", "Case", id="case", now=NOW)
    expected = mask.to_list()
    assert pa.array(mask).to_pylist() == expected
    assert polars.Series(mask).to_list() == expected
    assert numpy.asarray(mask).tolist() == expected
    assert polars.Series(mask).dtype == polars.Boolean


def test_narwhals_comes_back_as_what_it_was(ward: Ward, sample: World, rows: Rows) -> None:
    frame = narwhals.from_native(table(rows).to_pandas())
    kept = ward.keep(sample, frame, PERSON, "viewSummary", "Case", id="case", now=NOW)
    assert isinstance(kept.to_native(), pandas.DataFrame)


def test_pandas_keeps_its_index(ward: Ward, sample: World, worker: tuple[str, str], rows: Rows) -> None:
    frame = table(rows).to_pandas().set_index(numpy.arange(len(rows["case"]))[::-1])
    kept = ward.keep(sample, frame, worker, "viewSummary", "Case", id="case", now=NOW)
    assert 0 < len(kept) < len(frame)
    assert [frame["number"][at] for at in kept.index] == kept["number"].tolist()
    assert json.loads(kept["number"].to_json())
