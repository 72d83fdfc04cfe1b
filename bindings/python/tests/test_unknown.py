"""A name that the schema lacks is an error, an entity that the data lacks is denied: the cases that every binding
runs."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

import caseward
from caseward import Database, Ward, World

NOW = dt.datetime(2026, 5, 10, 21, tzinfo=dt.UTC)
ROOT = Path(__file__).resolve().parents[3]
CASES: list[dict[str, Any]] = json.loads((ROOT / "core/tests/unknown.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def world(ward: Ward) -> World:
    return World.sample(ward, cases=20, seed=1)


def ask(ward: Ward, world: World, case: dict[str, Any]) -> bool:
    """Whether anything was allowed or found."""
    context = json.dumps(case["context"]) if "context" in case else None
    who, what = (case.get(key, "") for key in ("principal", "resource"))
    action, type = (case.get(key, "") for key in ("action", "type"))
    match case["ask"]:
        case "check":
            return bool(ward.check(world, who, action, what, context, now=NOW))
        case "explain":
            return bool(ward.explain(world, who, action, what, context, now=NOW))
        case "list":
            return bool(ward.list(world, who, action, type, context, now=NOW))
        case "count":
            return ward.count(world, who, action, type, context, now=NOW) > 0
        case "filter":
            return ward.filter(world, who, action, type, Database(ward, "sqlite"), context, now=NOW).sql != "FALSE"
        case "who":
            return bool(ward.who(world, type, action, what, context, now=NOW))
        case "view":
            return bool(ward.view(world, who, what, context, now=NOW))
        case "actions":
            return any(ward.actions(world, who, what, context, now=NOW))
        case other:
            raise AssertionError(other)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['ask']}-{case['is']}-{case.get('says', '')}")
def test_what_there_is_not(ward: Ward, world: World, case: dict[str, Any]) -> None:
    if case["is"] == "error":
        with pytest.raises(caseward.RequestError) as refused:
            ask(ward, world, case)
        assert case["says"] in str(refused.value)
    else:
        assert ask(ward, world, case) is False


def test_so_it_is_with_columns(ward: Ward, world: World) -> None:
    decided = ward.check_many(world, ("User", "nobody"), "viewSummary", ("Case", ["c0000001", "none"]), now=NOW)
    assert not decided.any() and len(decided) == 2
    for who, action, what in (
        (("Robot", "r"), "viewSummary", ("Case", ["x"])),
        (("User", "u00001"), "viewSummary", ("Caes", ["x"])),
        (("User", "u00001"), "viewSumary", ("Case", ["x"])),
    ):
        with pytest.raises(caseward.RequestError):
            ward.check_many(world, who, action, what, now=NOW)


def test_so_it_is_with_what_a_world_has(world: World) -> None:
    absent, unknown = ("Case", "none"), ("Caes", "c0000001")
    assert absent not in world and world.attributes(absent) is None and world.attribute(absent, "status") is None
    for work in (
        lambda: world.count("Caes"),
        lambda: world.ids("Caes"),
        lambda: world.columns("Caes"),
        lambda: world.attributes(unknown),
        lambda: world.attribute(unknown, "status"),
        lambda: unknown in world,
    ):
        with pytest.raises(caseward.RequestError, match="no entity type `Caes`; did you mean `Case`"):
            work()
    for work in (lambda: world.attribute(absent, "staus"), lambda: world.columns("Case", ["staus"])):
        with pytest.raises(caseward.RequestError, match="`Case` has no attribute `staus`; did you mean `status`"):
            work()
