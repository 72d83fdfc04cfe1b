"""A release in a form that tells less is made of the cells that the person sees, in every kind of frame."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pandas
import polars
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caseward import CasewardError, DataError, PolicyError, RequestError, Ward, World
from frames import KINDS, rows_of, table
from test_redact import NOW, buffers, people, shown_to

__all__ = ["people"]

KEY = bytes(range(32))
FIELDS = {"nsn": "student.nsn", "born": "Student.dateOfBirth", "home": "student.homeAddress", "number": "Case.number"}
NAMES = {"nsn": "student.nsn", "born": "student.dateOfBirth", "home": "student.homeAddress", "number": "number"}
FORMS = {"nsn": "hash", "born": "year", "home": "last part", "number": "hash"}


def hashed(text: str, key: bytes = KEY) -> str:
    """As the standard library has it."""
    return hmac.new(key, text.encode(), "sha256").hexdigest()


# The forms once more, in Python.
MADE: dict[str, Callable[[Any], Any]] = {
    "hash": hashed,
    "year": lambda value: value.year,
    "first part": lambda value: value.split(",")[0].strip(),
    "last part": lambda value: value.split(",")[-1].strip(),
}


def whole_of(cases: list[str | None]) -> pa.Table:
    known = [case or "" for case in cases]
    rows = table(
        {
            "case": cases,
            "nsn": [f"nsn of {case}" if at % 5 else None for at, case in enumerate(known)],
            "born": [date(2005 + at % 12, 1 + at % 12, 1) for at in range(len(known))],
            "home": [f" {at} Kauri Street, Northcote,  town of {case} " for at, case in enumerate(known)],
            "number": [f"number of {case}" for case in known],
            "note": [f"note of {case}" for case in known],
        }
    )
    # Of no rows, no types are told.
    dates = {"born": pa.date32()}
    return rows.cast(pa.schema([(name, dates.get(name, pa.string())) for name in rows.column_names]))


def expected(
    ward: Ward, world: World, person: tuple[str, str], whole: pa.Table, forms: dict[str, str]
) -> list[dict[str, Any]]:
    """By a view of each record, and each cell that it shows in its form."""
    out: list[dict[str, Any]] = []
    for row in whole.to_pylist():
        shown = None if row["case"] is None else shown_to(ward, world, person, row["case"])
        if shown is None:
            continue
        redacted: dict[str, Any] = {"case": row["case"]}
        for name, field in NAMES.items():
            cell = row[name] if field in shown else None
            if cell is not None and name in forms:
                cell = MADE[forms[name]](cell)
            redacted[name], redacted[f"{name}_withheld"] = cell, field not in shown
        out.append(redacted)
    return out


@pytest.mark.parametrize("kind", KINDS)
def test_a_release_has_the_forms_of_the_cells_that_views_show(
    ward: Ward, sample: World, people: list[tuple[str, str]], kind: str
) -> None:
    whole = whole_of([*sample.ids("Case")[:60], None, "nobody"])
    hidden = formed = 0
    for person in people:
        frame = KINDS[kind](whole)
        released = ward.redact(
            sample, frame, person, "Case", columns=FIELDS, id="case", transforms=FORMS, release_key=KEY, now=NOW
        )
        should = expected(ward, sample, person, whole, FORMS)
        assert rows_of(released) == should
        hidden += sum(row["born_withheld"] for row in should)
        formed += sum(row["born"] is not None for row in should)
    assert hidden and formed


def test_nothing_of_the_raw_cells_is_in_memory(ward: Ward, sample: World, people: list[tuple[str, str]]) -> None:
    whole = whole_of(list(sample.ids("Case")[:60]))
    for person in people:
        released = ward.redact(
            sample, whole, person, "Case", columns=FIELDS, id="case", transforms=FORMS, release_key=KEY, now=NOW
        )
        memory = b"".join(bytes(buffer) for buffer in buffers(released))
        assert b"nsn of" not in memory and b"number of" not in memory and b"Kauri Street" not in memory


@given(data=st.data())
def test_any_forms_of_any_columns_are_those_of_the_shown_cells(ward: Ward, sample: World, data: st.DataObject) -> None:
    allowed = {"nsn": ["hash"], "born": ["year"], "home": ["first part", "last part"], "number": ["hash"]}
    forms = {
        name: form
        for name, of in allowed.items()
        if (form := data.draw(st.sampled_from([None, *of]), label=name)) is not None
    }
    users, cases = sample.ids("User"), sample.ids("Case")
    person = ("User", data.draw(st.sampled_from(users)))
    chosen: list[str | None] = list(data.draw(st.lists(st.sampled_from(cases), max_size=12)))
    whole = whole_of(chosen)
    kind = data.draw(st.sampled_from([kind for kind in KINDS if "pandas" not in kind or chosen]))
    released = ward.redact(
        sample,
        KINDS[kind](whole),
        person,
        "Case",
        columns=FIELDS,
        id="case",
        transforms=forms,
        release_key=KEY,
        now=NOW,
    )
    assert rows_of(released) == expected(ward, sample, person, whole, forms)


def test_two_frames_of_one_release_join_by_their_hashes(ward: Ward, sample: World) -> None:
    """Whoever sees numbers joins by hashes what joins by numbers; under another key nothing does."""
    whole = whole_of(list(sample.ids("Case")[:40]))
    columns = {"number": "number"}

    def released(key: bytes) -> pa.Table:
        return ward.redact(
            sample,
            whole,
            ("User", "u00001"),
            "Case",
            columns=columns,
            id="case",
            transforms={"number": "hash"},
            release_key=key,
            now=NOW,
        )

    one, again, other = (polars.DataFrame(released(key)) for key in (KEY, KEY, KEY[::-1]))
    assert one.join(again, on="number").filter(polars.col("case") == polars.col("case_right")).height == 40
    assert one.join(other, on="number").height == 0


def test_pandas_keeps_whole_numbers_and_its_index(ward: Ward, sample: World, people: list[tuple[str, str]]) -> None:
    whole = whole_of(list(sample.ids("Case")[:30]))
    for frame in (
        whole.to_pandas(),
        whole.to_pandas().astype({"born": "datetime64[ns]", "number": "category"}),
        whole.to_pandas(types_mapper=pandas.ArrowDtype),
    ):
        indexed = frame.set_index(pandas.Index(range(100, 130)))
        for person in people:
            released = ward.redact(
                sample, indexed, person, "Case", columns=FIELDS, id="case", transforms=FORMS, release_key=KEY, now=NOW
            )
            assert [indexed["case"][at] for at in released.index] == released["case"].tolist()
            assert str(released["born"].dtype) == "Int32"
            assert rows_of(released) == expected(ward, sample, person, whole, FORMS)


def test_what_is_not_allowed_is_an_error_that_names_the_column(
    ward: Ward, sample: World, people: list[tuple[str, str]]
) -> None:
    whole = whole_of(list(sample.ids("Case")[:10]))
    for frame in (whole, whole.to_pandas(), polars.DataFrame(whole), polars.DataFrame(whole).lazy()):

        def redact(transforms: dict[str, str], frame: Any = frame, **how: Any) -> Any:
            how = {"columns": FIELDS, **how}
            return ward.redact(sample, frame, people[0], "Case", id="case", transforms=transforms, now=NOW, **how)

        with pytest.raises(DataError, match=r"column `nsn` is to be hashed: give the key"):
            redact({"nsn": "hash"})
        with pytest.raises(RequestError, match="32 bytes at least"):
            redact({"nsn": "hash"}, release_key=b"short")
        with pytest.raises(RequestError, match="repeats a few bytes"):
            redact({"nsn": "hash"}, release_key=bytes(32))
        with pytest.raises(TypeError):
            redact({"nsn": "hash"}, release_key="a" * 32)
        with pytest.raises(RequestError, match="`years` is no transform of a field"):
            redact({"born": "years"})
        with pytest.raises(DataError, match="column `nsn`: the catalogue lets its field be released as `hash`"):
            redact({"nsn": "year"})
        with pytest.raises(DataError, match="released in no form but its own, and not as `hash`"):
            redact({"plan": "hash"}, columns={"plan": "supportPlan"}, frame=with_column(frame, "plan"))
        with pytest.raises(DataError, match="column `case` is to be released as `hash`, and is not among"):
            redact({"case": "hash"})
        with pytest.raises(CasewardError, match=r"column `home` holds .*a year is one of a date"):
            redact({"home": "year"}, columns={"home": "student.dateOfBirth"})


def with_column(frame: Any, name: str) -> Any:
    """The frame with one more column of text."""
    match frame:
        case pa.Table():
            return frame.append_column(name, pa.array(["x"] * frame.num_rows))
        case pandas.DataFrame():
            return frame.assign(**{name: "x"})
        case _:
            return frame.with_columns(polars.lit("x").alias(name))


def test_a_catalogue_is_held_to_its_transforms(root: Any) -> None:
    """What the catalogue says is looked at when the policies are loaded."""
    schema = (
        'entity User; entity Doc = { @section("head") title: String };'
        "action read appliesTo { principal: User, resource: Doc };"
    )
    policy = '@id("all") permit (principal, action, resource);'
    sections = '[Doc]\nknown_by = ["read"]\n[Doc.sections]\nhead = "read"\n[Doc.transforms]\n'
    for entry, why in [
        ('title = ["yeer"]', "`yeer` is no transform of a field: write one of `year`"),
        ('title = ["year"]', "`year` is made of a datetime, and `title` holds String"),
        ('titel = ["hash"]', "`Doc` has no field `titel`; did you mean `title`?"),
    ]:
        with pytest.raises(PolicyError) as refused:
            Ward.from_sources(policy, schema=schema, catalogue=sections + entry)
        assert any(why in str(problem) for problem in refused.value.problems)
    Ward.from_sources(policy, schema=schema, catalogue=sections + 'title = ["hash", "first part"]')


def test_years_of_instants_are_those_of_their_zone(ward: Ward, sample: World, people: list[tuple[str, str]]) -> None:
    instant = datetime(2011, 12, 31, 12, 30, tzinfo=ZoneInfo("UTC"))
    for person in people:
        cases = [
            id
            for id in sample.ids("Case")[:100]
            if "student.dateOfBirth" in (shown_to(ward, sample, person, id) or set())
        ][:1]
        for zone, year in (("UTC", 2011), ("Pacific/Auckland", 2012)):
            born = pa.array([instant] * len(cases), pa.timestamp("us", zone))
            frame = pa.table({"case": pa.array(cases, pa.string()), "born": born})
            for given_frame in (frame, frame.to_pandas(), polars.DataFrame(frame)):
                if not cases:
                    continue
                released = ward.redact(
                    sample,
                    given_frame,
                    person,
                    "Case",
                    columns={"born": "Student.dateOfBirth"},
                    id="case",
                    transforms={"born": "year"},
                    now=NOW,
                )
                assert [row["born"] for row in rows_of(released)] == [year] * len(cases)
