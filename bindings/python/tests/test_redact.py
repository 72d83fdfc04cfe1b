"""What a person may see of a frame is what views of its records show, cell by cell, and nothing else comes out."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pandas
import polars
import pyarrow as pa
import pytest

from caseward import DataError, RequestError, Ward, World
from frames import KINDS, LAYOUTS, Opaque, chunked, rows_of, table

NOW = datetime(2026, 5, 11, 9, tzinfo=ZoneInfo("Pacific/Auckland"))
# A column for each way in which a field is named, of several sections.
FIELDS = {
    "state": "status",
    "number": "Case.number",
    "born": "Student.dateOfBirth",
    "year": "student.yearLevel",
    "prosecuted": "prosecutionNotified",
    "plan": "supportPlan",
}
# As a view names them.
NAMES = {
    "state": "status",
    "number": "number",
    "born": "student.dateOfBirth",
    "year": "student.yearLevel",
    "prosecuted": "prosecutionNotified",
    "plan": "supportPlan",
}


@pytest.fixture(scope="module")
def people(ward: Ward, sample: World) -> list[tuple[str, str]]:
    """Of those who see some cases, one for each set of sections that they see of one."""
    found: dict[tuple[Any, ...], tuple[str, str]] = {}
    for id in sample.ids("User"):
        person = ("User", id)
        cases = ward.visible(sample, person, "viewSummary", "Case", now=NOW).ids()
        if cases:
            view = ward.view(sample, person, ("Case", cases[0]), now=NOW)
            found.setdefault((*(section.name for section in view.sections), len(cases) > 100), person)
    assert len(found) >= 4
    return list(found.values())


def data(cases: list[str | None]) -> dict[str, list[Any]]:
    """A frame of cases, with a column that no field is mapped to."""
    known = [case or "" for case in cases]
    return {
        "case": cases,
        "state": [f"state of {case}" for case in known],
        "note": [f"note of {case}" for case in known],
        "number": [f"number of {case}" if at % 3 else None for at, case in enumerate(known)],
        "born": [f"birth of {case}" for case in known],
        "year": list(range(len(known))),
        "prosecuted": [at % 2 == 0 for at in range(len(known))],
        "plan": [f"plan of {case}" for case in known],
    }


# What a view of a record shows a person; none where there is nothing to see. Asked once each.
SHOWN: dict[tuple[tuple[str, str], str], set[str] | None] = {}


def shown_to(ward: Ward, world: World, person: tuple[str, str], case: str) -> set[str] | None:
    """The fields that a view of a case shows."""
    if (person, case) not in SHOWN:
        view = ward.view(world, person, ("Case", case), now=NOW)
        shown = {field.name for section in view.sections for field in section.fields}
        SHOWN[person, case] = shown if view.sections or view.withheld else None
    return SHOWN[person, case]


def expected(ward: Ward, world: World, person: tuple[str, str], whole: pa.Table) -> list[dict[str, Any]]:
    """By a view of each record."""
    out: list[dict[str, Any]] = []
    for row in whole.to_pylist():
        if row["case"] is None:
            continue
        shown = shown_to(ward, world, person, row["case"])
        if shown is None:
            continue
        redacted: dict[str, Any] = {}
        for name, value in row.items():
            if name == "case":
                redacted[name] = value
            elif name in FIELDS:
                redacted[name] = value if NAMES[name] in shown else None
                redacted[f"{name}_withheld"] = NAMES[name] not in shown
        out.append(redacted)
    return out


@pytest.mark.parametrize("kind", KINDS)
def test_cells_are_what_views_show(
    ward: Ward, sample: World, people: list[tuple[str, str]], kind: str
) -> None:
    whole = table(data([*sample.ids("Case")[:60], None, "nobody"]))
    some = 0
    for person in people:
        frame = KINDS[kind](whole)
        redacted = ward.redact(sample, frame, person, "Case", columns=FIELDS, id="case", now=NOW)
        if kind != "opaque":
            assert type(redacted) is type(frame)
        should = expected(ward, sample, person, whole)
        assert rows_of(redacted) == should
        some += len(should)
    assert some > 60


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_is_withheld_is_in_no_buffer(
    ward: Ward, sample: World, people: list[tuple[str, str]], layout: str
) -> None:
    """Not in a dictionary, not behind a null, not beside a view: neither of a cell nor of a row."""
    whole = chunked(table(data(list(sample.ids("Case")[:60])), layout), 9)
    nested = pa.array([[{"deep": text}] for text in whole.column("plan").to_pylist()])
    whole = whole.append_column("nested", nested.cast(pa.list_(pa.struct([("deep", LAYOUTS[layout])]))))
    columns = {**FIELDS, "nested": "supportPlan"}
    for person in people:
        table_ = ward.redact(sample, whole, person, "Case", columns=columns, id="case", ending=None, now=NOW)
        shown = str(table_.to_pylist())
        memory = b"".join(bytes(buffer) for buffer in buffers(table_))
        for name in ("born", "plan", "state"):
            for text in whole.column(name).to_pylist():
                if text not in shown:
                    assert text.encode() not in memory


def buffers(of: pa.Table) -> list[pa.Buffer]:
    def within(array: pa.Array) -> list[pa.Buffer]:
        found = [buffer for buffer in array.buffers() if buffer is not None]
        if pa.types.is_dictionary(array.type):
            found += within(array.dictionary)
        return found

    return [buffer for column in of.columns for chunk in column.chunks for buffer in within(chunk)]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "pandas objects"])
def test_a_marker_stands_in_the_place_of_what_is_withheld(
    ward: Ward, sample: World, people: list[tuple[str, str]], kind: str
) -> None:
    whole = table(data(list(sample.ids("Case")[:60])))
    columns = {name: FIELDS[name] for name in ("state", "number", "born", "plan")}
    for person in people:
        asked = (person, "Case")
        marked = ward.redact(
            sample, KINDS[kind](whole), *asked, columns=columns, id="case", marker="(withheld)", now=NOW
        )
        should = [
            {
                name: "(withheld)" if row.get(f"{name}_withheld") else row[name]
                for name in ("case", "state", "number", "born", "plan")
            }
            for row in expected(ward, sample, person, whole)
        ]
        assert rows_of(marked) == should


def test_dictionaries_and_categories_are_redacted(ward: Ward, sample: World, people: list[tuple[str, str]]) -> None:
    whole = table(data(list(sample.ids("Case")[:60])))
    for person in people:
        should = expected(ward, sample, person, whole)
        frame = whole.to_pandas().astype({"state": "category", "born": "category"})
        redacted = ward.redact(sample, frame, person, "Case", columns=FIELDS, id="case", now=NOW)
        assert rows_of(redacted) == should
        assert {*redacted["born"].cat.categories} == {row["born"] for row in should} - {None}
        marked = ward.redact(
            sample, frame, person, "Case", columns={"born": "Student.dateOfBirth"}, id="case", marker="-", now=NOW
        )
        assert [row["born"] for row in rows_of(marked)] == [row["born"] or "-" for row in should]
        categories = polars.DataFrame(whole).with_columns(polars.col("born").cast(polars.Categorical))
        lazy = ward.redact(sample, categories.lazy(), person, "Case", columns=FIELDS, id="case", now=NOW)
        assert lazy.collect().to_dicts() == should


def test_what_is_lazy_is_redacted_before_it_is_filtered(
    ward: Ward, sample: World, people: list[tuple[str, str]]
) -> None:
    """A filter behind it sees what the person sees: it tells nothing of what is withheld."""
    whole = table(data(list(sample.ids("Case")[:60])))
    for person in people:
        lazy = ward.redact(
            sample, polars.DataFrame(whole).lazy(), person, "Case", columns=FIELDS, id="case", now=NOW
        )
        found = lazy.filter(polars.col("born").str.starts_with("birth")).select("case", "born").collect()
        should = expected(ward, sample, person, whole)
        assert found.to_dicts() == [
            {"case": row["case"], "born": row["born"]} for row in should if row["born"] is not None
        ]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("opaque", "pyarrow reader")])
def test_what_is_withheld_is_nothing_to_filter_by(
    ward: Ward, sample: World, people: list[tuple[str, str]], kind: str
) -> None:
    whole = table(data(list(sample.ids("Case")[:60])))
    refused = 0
    for person in people:
        should = expected(ward, sample, person, whole)
        for column in ("state", "born", "year"):
            asked = (person, "Case")
            given: Any = {"columns": FIELDS, "id": "case", "by": ["case", column], "now": NOW}
            if any(row[f"{column}_withheld"] for row in should):
                refused += 1
                with pytest.raises(DataError, match=f"column `{column}` is not shown of every row"):
                    ward.redact(sample, KINDS[kind](whole), *asked, **given)
            else:
                assert rows_of(ward.redact(sample, KINDS[kind](whole), *asked, **given)) == should
    assert refused
    with pytest.raises(DataError, match="`note` is no field of the records"):
        ward.redact(sample, KINDS[kind](whole), people[0], "Case", columns=FIELDS, id="case", by=["note"], now=NOW)


def test_bad_columns_are_errors(ward: Ward, sample: World, people: list[tuple[str, str]]) -> None:
    person, whole = people[0], table(data(list(sample.ids("Case")[:10])))

    def redact(columns: dict[str, str], frame: Any = whole, **given: Any) -> Any:
        return ward.redact(sample, frame, person, "Case", columns=columns, id="case", now=NOW, **given)

    with pytest.raises(RequestError, match=r"has no attribute `statis`.*`status`"):
        redact({"state": "statis"})
    with pytest.raises(RequestError, match="no attribute of `Case` refers to a `Report`"):
        redact({"state": "Report.kind"})
    with pytest.raises(RequestError, match="several attributes of `Case` refer to a `User`"):
        redact({"state": "User.name"})
    for frame in (whole, whole.to_pandas(), polars.DataFrame(whole)):
        with pytest.raises(DataError, match="no column `birth`"):
            redact({"birth": "Student.dateOfBirth"}, frame)
        with pytest.raises(DataError, match="column `case` holds the ids"):
            redact({"case": "status"}, frame)
        with pytest.raises(DataError, match="two columns would be called `state`"):
            redact({"state": "status", "plan": "supportPlan"}, frame, ending="")
        with pytest.raises(DataError, match=r"column `year` holds .*no text can mark"):
            redact({"year": "student.yearLevel"}, frame, marker="x")
    with pytest.raises(TypeError, match="found a str"):
        redact({"state": "status"}, by="state")
    with pytest.raises(DataError, match="a stream is read once"):
        redact({"state": "status"}, whole.to_reader(), by=["state"])
    with pytest.raises(RequestError, match="shows nothing of a"):
        ward.redact(sample, whole, person, "MinistryTeam", columns={}, id="case", now=NOW)


def test_values_keep_their_types(ward: Ward, sample: World, people: list[tuple[str, str]]) -> None:
    cases = list(sample.ids("Case")[:20])
    whole = pa.table(
        {
            "case": cases,
            "born": [date(2012, 1, 1 + at) for at in range(20)],
            "number": pa.array([at * 1.5 for at in range(20)]),
            "opened": pa.array(range(20), pa.timestamp("ns", "Pacific/Auckland")),
            "state": pa.array([["a", "b"]] * 20),
        }
    )
    columns = {"born": "Student.dateOfBirth", "number": "number", "opened": "openedAt", "state": "status"}
    for person in people:
        out = ward.redact(sample, whole, person, "Case", columns=columns, id="case", ending=None, now=NOW)
        assert out.schema.types == whole.schema.types
        assert polars.DataFrame(out).equals(
            ward.redact(
                sample, polars.DataFrame(whole), person, "Case", columns=columns, id="case", ending=None, now=NOW
            )
        )
    opaque = ward.redact(sample, Opaque(whole), people[0], "Case", columns=columns, id="case", now=NOW)
    assert isinstance(pa.table(opaque), pa.Table)


def test_pandas_keeps_its_index(ward: Ward, sample: World, people: list[tuple[str, str]]) -> None:
    whole = table(data(list(sample.ids("Case")[:30])))
    frame = whole.to_pandas().set_index(pandas.Index(range(100, 130)))
    redacted = ward.redact(sample, frame, people[0], "Case", columns=FIELDS, id="case", now=NOW)
    assert [frame["case"][at] for at in redacted.index] == redacted["case"].tolist()
    assert frame["born"].notna().all()
