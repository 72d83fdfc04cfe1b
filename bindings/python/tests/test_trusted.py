"""Rows that are decided by columns of the frame are decided as the records would be, which no world has."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caseward import Changes, Column, DataError, EntityUid, Ward, World
from frames import KINDS, LAYOUTS, rows_of

NOW = datetime(2026, 5, 11, 9, tzinfo=ZoneInfo("Pacific/Auckland"))
ACTIONS = ("viewSummary", "viewRecord", "viewSupportPlan", "closeCase", "addComment", "receiveAlert")


@pytest.fixture(scope="module")
def bare(ward: Ward) -> World:
    """The people and organisations of the sample, and no records."""
    world = World.sample(ward, cases=300, seed=7)
    changes = Changes()
    for type in ("Item", "Request", "Case", "Student"):
        for id in world.ids(type):
            changes.remove((type, id))
    world.apply(changes)
    assert world.count("Case") == world.count("Student") == 0
    return world


def at(world: World, record: Any, path: str) -> Any:
    """What a world has at the end of a path, as a column has it."""
    value: Any = record
    for step in path.split("."):
        value = None if value is None else world.attribute(value, step)
    if isinstance(value, frozenset):
        return sorted(element.id for element in value)
    return value.id if isinstance(value, EntityUid) else value


def shortest(paths: tuple[str, ...]) -> list[str]:
    """Paths but for those behind a reference that is a column itself: of these the world says what they have."""
    return [path for path in paths if not any(path.startswith(f"{other}.") for other in paths)]


def frame_of(world: World, paths: list[str], layout: str = "utf8") -> pa.Table:
    """A row for each case, with an id that no world has."""
    cases = world.ids("Case")

    def column(path: str) -> pa.Array:
        values = [at(world, ("Case", case), path) for case in cases]
        if any(isinstance(value, str) for value in values):
            return pa.array(values, pa.string()).cast(LAYOUTS[layout])
        if any(isinstance(value, list) for value in values):
            return pa.array(values, pa.list_(pa.string()))
        if any(isinstance(value, datetime) for value in values):
            return pa.array(values, pa.timestamp("ms", "UTC"))
        return pa.array(values, pa.bool_() if any(isinstance(value, bool) for value in values) else pa.string())

    ids = pa.array([f"row {at}" for at in range(len(cases))])
    return pa.table({"row": ids, "note": ids, **{f"the {path}": column(path) for path in paths}})


def mapping(paths: list[str]) -> dict[str, str]:
    return {f"the {path}": path for path in paths}


@given(data=st.data())
def test_the_mask_of_columns_is_that_of_a_world_with_the_records(
    ward: Ward, sample: World, bare: World, data: st.DataObject
) -> None:
    person = ("User", data.draw(st.sampled_from(sample.ids("User"))))
    action = data.draw(st.sampled_from(ACTIONS))
    reads = ward.reads(bare, person, action, "Case", now=NOW)
    assert reads is not None
    paths = shortest(reads)
    frame = frame_of(sample, paths, data.draw(st.sampled_from(sorted(LAYOUTS))))
    mask = ward.mask(
        bare, frame, person, action, "Case", id="row", trust_frame=True, columns=mapping(paths), now=NOW
    )
    whole = ward.mask(sample, pa.table({"case": sample.ids("Case")}), person, action, "Case", id="case", now=NOW)
    assert mask.allowed == whole.allowed
    assert (mask.version, mask.policy_hash) == (bare.version, ward.policy_hash)


@pytest.fixture(scope="module")
def worker(ward: Ward, sample: World) -> tuple[str, str]:
    """Somebody who sees some cases by several conditions."""
    return next(
        ("User", id)
        for id in sample.ids("User")
        if 3 <= ward.count(sample, ("User", id), "viewSummary", "Case", now=NOW) <= 100
        and len(ward.reads(sample, ("User", id), "viewSummary", "Case", now=NOW) or ()) >= 3
    )


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "pandas objects"])
def test_every_kind_of_frame_keeps_its_rows(
    ward: Ward, sample: World, bare: World, worker: tuple[str, str], kind: str
) -> None:
    paths = shortest(ward.reads(bare, worker, "viewSummary", "Case", now=NOW) or ())
    frame = frame_of(sample, paths)
    visible = ward.visible(sample, worker, "viewSummary", "Case", now=NOW)
    should = [row for row, case in zip(frame.to_pylist(), sample.ids("Case"), strict=True) if ("Case", case) in visible]
    how: dict[str, Any] = {"id": "row", "trust_frame": True, "columns": mapping(paths), "now": NOW}
    kept = ward.keep(bare, KINDS[kind](frame), worker, "viewSummary", "Case", **how)
    assert [row["row"] for row in rows_of(kept)] == [row["row"] for row in should]
    assert 0 < len(should) < frame.num_rows
    if kind not in ("opaque", "pyarrow reader"):
        assert type(kept) is type(KINDS[kind](frame))


def test_what_cannot_be_decided_is_refused(ward: Ward, sample: World, bare: World, worker: tuple[str, str]) -> None:
    paths = shortest(ward.reads(bare, worker, "viewSummary", "Case", now=NOW) or ())
    frame = frame_of(sample, paths)

    def mask(columns: Any, who: Any = worker, of: pa.Table = frame, **how: Any) -> Any:
        how = {"trust_frame": True, **how}
        return ward.mask(bare, of, who, "viewSummary", "Case", id="row", columns=columns, now=NOW, **how)

    for path in paths:
        with pytest.raises(DataError, match=f"the rules read `{path}`, and no column holds it"):
            mask(mapping([other for other in paths if other != path]))
        with pytest.raises(DataError, match=f"the frame has no column `the {path}`"):
            mask(mapping(paths), of=frame.drop_columns(f"the {path}"))
    with pytest.raises(DataError, match="no column `row`"):
        mask(mapping(paths), of=frame.drop_columns("row"))
    with pytest.raises(DataError, match="for one person"):
        mask(mapping(paths), who=Column("User", "note"))
    with pytest.raises(TypeError, match="say trust_frame=True"):
        mask(mapping(paths), trust_frame=False)
    nobody = pa.array(["nobody"] * frame.num_rows)
    strange = frame.set_column(frame.column_names.index("the provider"), "the provider", nobody)
    with pytest.raises(DataError, match=r'row 0: Provider::"nobody" is not in the world'):
        mask(mapping(paths), of=strange)
    # Without an id a row is denied, whatever its columns say.
    no_ids = frame.set_column(0, "row", pa.array([None] * frame.num_rows, pa.string()))
    assert mask(mapping(paths), of=no_ids).count() == 0
    assert len(mask(mapping(paths), of=frame.slice(0, 0))) == 0


def test_the_namespace_of_polars_trusts_columns_too(
    ward: Ward, sample: World, bare: World, worker: tuple[str, str]
) -> None:
    import polars

    import caseward.polars

    assert caseward.polars
    paths = shortest(ward.reads(bare, worker, "viewSummary", "Case", now=NOW) or ())
    frame: Any = polars.DataFrame(frame_of(sample, paths))
    how: dict[str, Any] = {"id": "row", "trust_frame": True, "columns": mapping(paths), "now": NOW}
    mask = frame.caseward.mask(ward, bare, worker, "viewSummary", "Case", **how)
    kept = frame.caseward.keep(ward, bare, worker, "viewSummary", "Case", **how)
    lazy = frame.lazy().caseward.keep(ward, bare, worker, "viewSummary", "Case", **how)
    assert kept.height == mask.count() > 0 and lazy.collect().equals(kept)
