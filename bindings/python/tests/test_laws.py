"""The same answer as the library gives without Python, byte for byte, over random worlds; and as Cedar gives."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import cedarpy  # pyright: ignore[reportMissingTypeStubs]
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caseward import Database, Request, Visible, Ward, World
from caseward.testing import requests, worlds
from native import Native, compact

NOW = "2026-05-11T09:00:00+12:00"


@pytest.fixture(scope="session", params=["attendance", "clinic"])
def domain(request: pytest.FixtureRequest, ward: Ward, clinic: Ward, root: Path) -> tuple[Ward, list[str]]:
    """A ward, and the flags with which the command loads the same."""
    if request.param == "attendance":
        return ward, []
    return clinic, ["--policies", str(root / "core/tests/clinic")]


@given(data=st.data())
def test_answers_are_the_same_bytes(
    domain: tuple[Ward, list[str]], native: Native, data: st.DataObject
) -> None:
    ward, flags = domain
    drawn = data.draw(worlds(ward))
    asked = data.draw(st.lists(requests(ward, drawn), min_size=10, max_size=20))
    # As a snapshot, which keeps the version, and as JSON.
    snapshot = drawn.to_bytes()
    read = World.from_json(ward, drawn.to_json())
    for world, form in [(drawn, snapshot), (read, drawn.to_json().encode())]:
        found = [ward.check(world, *request).to_json() for request in asked]
        assert found == native.check(form, [request.to_json() for request in asked], *flags)
    assert World.from_bytes(ward, snapshot).to_json() == drawn.to_json()


@given(data=st.data())
def test_every_way_of_asking_gives_the_same_decision(
    domain: tuple[Ward, list[str]], data: st.DataObject
) -> None:
    ward, _ = domain
    world = data.draw(worlds(ward))
    request = data.draw(requests(ward, world))
    principal, action, resource, context = request
    answer = ward.check(world, *request)
    as_json = json.dumps(json.loads(request.to_json())["context"])
    assert ward.check(world, *request) == answer
    assert ward.check(world, str(principal), action, (resource.type, resource.id), as_json) == answer
    assert ward.explain(world, *request).answer == answer
    assert ward.check_many(world, principal, action, resource, context).to_list() == [answer.allowed]
    found = ward.visible(world, principal, action, resource.type, context)
    assert (resource in found) == answer.allowed
    assert ward.count(world, principal, action, resource.type, context) == len(found)
    assert [uid.id for uid in ward.list(world, principal, action, resource.type, context)] == found.ids()
    everything = world.ids(resource.type)
    column = ward.check_many(world, principal, action, (resource.type, everything), context)
    assert [id for id, allowed in zip(everything, column, strict=True) if allowed] == found.ids()


def test_reasons_lists_and_actions_are_the_same_bytes(ward: Ward, native: Native) -> None:
    world = World.sample(ward, cases=40, seed=3)
    data = world.to_bytes()
    users, cases = world.ids("User")[::100], world.ids("Case")[::16]
    context = json.dumps({"now": {"__extn": {"fn": "datetime", "arg": "2026-05-11T09:00:00+1200"}}})
    for user, case in zip(users, cases, strict=False):
        principal, resource = f'User::"{user}"', f'Case::"{case}"'
        flags = ["--now", NOW, "--principal", principal]
        on = [*flags, "--action", "viewRecord", "--resource", resource]
        explained = ward.explain(world, principal, "viewRecord", resource, context)
        assert explained.to_json() == native.ask("explain", data, *on)
        actions = [action.to_json() for action in ward.actions(world, principal, resource, context)]
        theirs = native.ask("actions", data, *flags, "--resource", resource)
        assert theirs.startswith('{"actions":[' + ",".join(actions) + "],")
        found = ward.visible(world, principal, "viewSummary", "Case", context)
        assert by_id(found) == native.ask("list", data, *flags, "--action", "viewSummary", "--type", "Case")
        people = ward.who(world, "User", "viewSummary", resource, context)
        of = ["--now", NOW, "--action", "viewSummary", "--resource", resource]
        assert by_id(people) == native.ask("who", data, *of)
        view = ward.view(world, principal, resource, context)
        assert view.to_json() == native.ask("view", data, *flags, "--resource", resource)
        table = ward.count_by(world, principal, "viewSummary", "Case", ["status", "month of openedAt"], context)
        by = ["--action", "viewSummary", "--type", "Case", "--by", "status,month of openedAt"]
        assert table.to_json() == native.ask("count", data, *flags, *by)
        for dialect in ("postgres", "spark"):
            database = Database(ward, dialect)
            condition = ward.filter(world, principal, "viewSummary", "Case", database, context)
            sql = ["--action", "viewSummary", "--type", "Case", "--dialect", dialect]
            assert condition.to_json() == native.ask("filter", data, *flags, *sql)


def by_id(found: Visible) -> str:
    """A list in JSON, as the command sorts it."""
    listed = json.loads(found.to_json())
    listed["ids"].sort()
    return compact(listed)


def test_the_matrix_and_sample_data_are_the_same_bytes(ward: Ward, native: Native, root: Path) -> None:
    matrix = ward.matrix()
    assert matrix.to_json() + "\n" == native.run("matrix", "--format", "json").decode()
    assert str(matrix) == (root / "policies/matrix.out").read_text(encoding="utf-8")
    world = World.sample(ward, cases=20, seed=5)
    assert world.to_json().encode() == native.run("sample", "--cases", "20", "--seed", "5")


def policies_of(ward: Ward) -> str:
    sources = {policy.source: ward.source(policy.id) or "" for policy in ward.policies}
    return "\n".join(sources.values())


@given(data=st.data())
def test_cedar_decides_alike(domain: tuple[Ward, list[str]], root: Path, data: st.DataObject) -> None:
    """An independent witness: Cedar's own authorizer, in a wheel that is not ours."""
    ward, flags = domain
    folder = Path(flags[1]) if flags else root / "policies"
    schema = (folder / "schema.cedarschema").read_text(encoding="utf-8")
    world = data.draw(worlds(ward))
    asked: list[Request] = data.draw(st.lists(requests(ward, world), min_size=5, max_size=10))
    known = [json.loads(request.to_json()) for request in asked]
    theirs = cedarpy.is_authorized_batch(known, policies_of(ward), world.to_json(), schema)
    for request, answer in zip(asked, theirs, strict=True):
        ours = ward.check(world, *request)
        # Cedar skips a policy that fails and knows no absent entities; both deny here.
        absent = any("is not in the data" in error for error in ours.errors)
        expected = answer.allowed and not answer.diagnostics.errors and not absent
        assert ours.allowed == expected, request


@given(data=st.data())
def test_cedar_keeps_the_same_rows(ward: Ward, root: Path, data: st.DataObject) -> None:
    """The same witness of a whole column: a frame keeps the rows that Cedar's authorizer allows."""
    schema = (root / "policies/schema.cedarschema").read_text(encoding="utf-8")
    world = data.draw(worlds(ward))
    users, cases = [*world.ids("User")], [*world.ids("Case"), "nobody", None]
    person = ("User", data.draw(st.sampled_from(users)))
    action = data.draw(st.sampled_from(["viewSummary", "viewRecord", "closeCase", "receiveAlert"]))
    now = datetime(2026, 5, 11, 9, tzinfo=ZoneInfo("Pacific/Auckland"))
    frame = pa.table({"case": pa.array(cases, pa.string()), "row": range(len(cases))})
    kept = ward.keep(world, frame, person, action, "Case", id="case", now=now)
    asked = [Request(person, f'Action::"{action}"', ("Case", case), {"now": now}) for case in cases if case is not None]
    known = [json.loads(request.to_json()) for request in asked]
    theirs = cedarpy.is_authorized_batch(known, policies_of(ward), world.to_json(), schema)
    there = {*world.ids("Case")}
    allowed = [
        request.resource.id
        for request, answer in zip(asked, theirs, strict=True)
        if answer.allowed and not answer.diagnostics.errors and request.resource.id in there
    ]
    assert kept.column("case").to_pylist() == allowed


SCHEMAS = sorted((Path(__file__).resolve().parents[3] / "fuzz/seeds/schema_text").glob("*.cedarschema"))
POLICIES = '@id("all") permit (principal, action, resource);'


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.stem)
@given(data=st.data())
def test_worlds_and_requests_of_any_schema_are_taken(path: Path, data: st.DataObject) -> None:
    ward = Ward.from_sources(POLICIES, schema=path.read_text(encoding="utf-8"))
    world = data.draw(worlds(ward, most=2))
    assert len(World.from_json(ward, world.to_json())) == len(world) >= 1
    if ward.schema.actions:
        answer = ward.check(world, *data.draw(requests(ward, world)))
        assert answer.allowed == (not answer.errors)
