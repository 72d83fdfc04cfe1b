"""Worlds of frames: the same data, whatever holds it; and nothing is guessed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pandas
import polars
import pyarrow as pa
import pytest

from caseward import Changes, DataError, EntityUid, RequestError, Ward, World
from frames import KINDS, LAYOUTS

SCHEMA = """
entity Room;
entity Thing = {
    flag?: Bool, count?: Long, name?: String, room?: Room, rooms?: Set<Room>, labels?: Set<String>,
    price?: decimal, address?: ipaddr, at?: datetime, span?: duration, size?: { width: Long, depth?: Long },
};
action use appliesTo { principal: Room, resource: Thing };
"""
POLICY = '@id("p") permit (principal, action, resource) when { resource has room && resource.room == principal };'


@pytest.fixture(scope="module")
def things() -> Ward:
    return Ward.from_sources(POLICY, schema=SCHEMA)


def entities(world: World) -> list[Any]:
    return sorted(json.loads(world.to_json()), key=lambda entity: (entity["uid"]["type"], entity["uid"]["id"]))


def frames_of(ward: Ward, world: World, layout: str, unit: str) -> dict[str, pa.Table]:
    """The world's entities as tables, without what frames have no place for."""
    text = LAYOUTS[layout]

    def column(values: list[Any]) -> pa.Array:
        some = next((value for value in values if value is not None), None)
        if isinstance(some, EntityUid | str):
            ids = [value.id if isinstance(value, EntityUid) else value for value in values]
            if pa.types.is_dictionary(text) and len({*ids}) > 100:
                return pa.array(ids, pa.string()).dictionary_encode()
            return pa.array(ids, pa.string()).cast(text)
        if isinstance(some, datetime):
            return pa.array(values, pa.timestamp("us", "UTC")).cast(pa.timestamp(unit, "Pacific/Auckland"))
        if isinstance(some, frozenset):
            of = pa.string() if pa.types.is_dictionary(text) else text
            listed = [sorted(entry.id for entry in value) if value is not None else None for value in values]
            return pa.array(listed, pa.list_(pa.string())).cast(pa.list_(of))
        return pa.array(values)

    frames: dict[str, pa.Table] = {}
    for ty in ward.schema.entity_types:
        names = list(ty.attributes)
        if world.count(ty.name) and ty.choices is None:
            ids, columns = world.columns(ty.name, names)
            held = {name: values for name, values in columns.items() if any(value is not None for value in values)}
            frames[ty.name] = pa.table({"id": ids, **{name: column(values) for name, values in held.items()}})
    return frames


@pytest.mark.parametrize(("layout", "unit"), [*zip(LAYOUTS, ["ms", "us", "ns", "s", "ms"], strict=True)])
def test_a_world_of_frames_is_the_world_that_they_were_made_of(
    ward: Ward, sample: World, layout: str, unit: str
) -> None:
    again = World.from_arrow(ward, frames_of(ward, sample, layout, unit))
    if unit == "s":
        cases, columns = sample.columns("Case", ["openedAt"])
        assert again.columns("Case", ["openedAt"])[0] == cases and len(columns["openedAt"]) == len(cases)
    else:
        assert entities(again) == entities(sample)


@pytest.mark.parametrize("kind", KINDS)
def test_any_kind_of_frame_is_read(things: Ward, kind: str) -> None:
    rooms = KINDS[kind](pa.table({"room_id": ["a", "b"]}))
    rows = KINDS[kind](pa.table({"thing": ["x", "y"], "in": ["a", None], "note": ["", ""]}))
    world = World.from_arrow(
        things,
        {"Room": rooms, "Thing": rows},
        ids={"Room": "room_id", "Thing": "thing"},
        columns={"Thing": {"in": "room", "note": None}},
    )
    expected = World.empty(things)
    expected.apply(Changes().put(("Room", "a")).put(("Room", "b")))
    expected.apply(Changes().put(("Thing", "x"), {"room": ("Room", "a")}).put(("Thing", "y")))
    assert entities(world) == entities(expected)
    assert things.check(world, ("Room", "a"), "use", ("Thing", "x"))


def test_every_type_of_attribute_is_taken(things: Ward) -> None:
    at = datetime(2026, 5, 11, 9, 30, 15, 250_999, tzinfo=UTC)
    rows = pa.table(
        {
            "id": ["x", "y"],
            "flag": [True, None],
            "count": pa.array([2**63 - 1, None], pa.uint64()),
            "labels": pa.array([["b", "a", "a"], []], pa.large_list(pa.string())),
            "rooms": pa.array([["a"], None], pa.list_(pa.dictionary(pa.int8(), pa.string()))),
            "price": pa.array([Decimal("-1.50"), None], pa.decimal128(9, 2)),
            "address": ["10.0.0.0/8", "::1"],
            "at": pa.array([at, None], pa.timestamp("us", "Pacific/Auckland")),
            "span": pa.array([timedelta(seconds=1, microseconds=-1), None], pa.duration("us")),
            "size": pa.array([{"width": 3, "depth": None}, None]),
            "name": pa.nulls(2),
        }
    )
    world = World.from_arrow(things, {"Room": pa.table({"id": ["a"]}), "Thing": rows})
    found = world.attributes(("Thing", "x")) or {}
    assert found["flag"] is True and found["count"] == 2**63 - 1
    assert found["labels"] == {"a", "b"} and found["rooms"] == {EntityUid("Room", "a")}
    assert found["price"] == Decimal("-1.5") and str(found["address"]) == "10.0.0.0/8"
    # Down to the whole millisecond, as everywhere.
    assert found["at"] == at.replace(microsecond=250_000) and found["span"] == timedelta(milliseconds=999)
    assert found["size"] == {"width": 3} and "name" not in found
    assert set(world.attributes(("Thing", "y")) or {}) == {"labels", "address"}


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"nmae": ["a", "b"]}, "column `nmae`: `Thing` has no attribute `nmae`"),
    ({"count": ["1", "2"]}, "column `count`, row 0: expected Long, found Utf8"),
    ({"count": [1.5, 2.0]}, "column `count`, row 0: expected Long, found Float64"),
    ({"count": pa.array([1, 2**63], pa.uint64())}, "column `count`, row 1: 9223372036854775808 is more than"),
    ({"name": [1, 2]}, "column `name`, row 0: expected String, found Int64"),
    ({"flag": [1, 0]}, "column `flag`, row 0: expected Bool"),
    ({"at": pa.array([None, 0], pa.timestamp("ms"))}, "column `at`, row 1: the timestamp has no zone"),
    ({"at": pa.array([None, 2**62], pa.timestamp("s", "UTC"))}, "column `at`, row 1: .* seconds are more"),
    ({"price": pa.array([Decimal("0.00001"), None], pa.decimal128(9, 5))}, "column `price`, row 0: a decimal has"),
    ({"address": ["10.0.0.1", "10.0.0.1/33"]}, "column `address`, row 1: `10.0.0.1/33` is no address"),
    ({"labels": [["a", None], []]}, "column `labels`, row 0: a set has no null"),
    ({"size": [{"width": 1, "height": 2}, None]}, "column `size`, row 0: it has no field `height`"),
    ({"room": ["a", "nowhere"]}, "nowhere"),
    ({"size": [{"depth": 1}, None]}, "width"),
]


@pytest.mark.parametrize(("columns", "said"), WRONG, ids=[str(number) for number in range(len(WRONG))])
def test_what_does_not_fit_is_told_by_column_and_row(things: Ward, columns: dict[str, Any], said: str) -> None:
    rows = pa.table({"id": ["x", "y"], **columns})
    with pytest.raises(DataError, match=said):
        World.from_arrow(things, {"Room": pa.table({"id": ["a"]}), "Thing": rows})


def test_bad_frames_are_errors(things: Ward) -> None:
    with pytest.raises(DataError, match="`Thing`: column `id`, row 1: an entity has an id, found null"):
        World.from_arrow(things, {"Thing": pa.table({"id": ["x", None]})})
    with pytest.raises(DataError, match="no column `id`"):
        World.from_arrow(things, {"Thing": pa.table({"thing": ["x"]})})
    with pytest.raises(RequestError, match="Thnig"):
        World.from_arrow(things, {"Thnig": pa.table({"id": ["x"]})})
    with pytest.raises(DataError, match="`Room` is named, and there is no frame of it"):
        World.from_arrow(things, {"Thing": pa.table({"id": ["x"]})}, ids={"Room": "id"})
    with pytest.raises(DataError, match="no column `absent`"):
        World.from_arrow(things, {"Thing": pa.table({"id": ["x"]})}, columns={"Thing": {"absent": "name"}})
    twice = polars.DataFrame({"id": ["x", "x"], "count": [1, 2]})
    with pytest.raises(DataError, match="x"):
        World.from_arrow(things, {"Thing": twice})
    both = pandas.DataFrame({"id": ["x"], "count": [1], "other": [2]})
    with pytest.raises(DataError, match="the attribute `count` is in another column too"):
        World.from_arrow(things, {"Thing": both}, columns={"Thing": {"other": "count"}})
    with pytest.raises(TypeError, match="is no frame"):
        World.from_arrow(things, {"Thing": [1]})
