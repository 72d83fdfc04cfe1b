"""Answers, requests and errors go to other processes, and are copied."""

from __future__ import annotations

import contextlib
import copy
import datetime as dt
import pickle
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import pytest

import caseward
from caseward import CaseFile, CasewardError, Changes, Database, Decisions, EntityUid, Request, Ward, World

NOW = dt.datetime(2026, 5, 10, 21, tzinfo=dt.UTC)
USER, CASE = ("User", "u00001"), ("Case", "c0000001")

ROADS: list[Callable[[Any], Any]] = [
    lambda value: pickle.loads(pickle.dumps(value)),
    lambda value: pickle.loads(pickle.dumps(value, protocol=2)),
    copy.copy,
    copy.deepcopy,
]


@pytest.mark.parametrize("road", ROADS, ids=["pickle", "protocol 2", "copy", "deepcopy"])
def test_values_come_back_as_they_were(ward: Ward, sample: World, road: Callable[[Any], Any]) -> None:
    context = {"sizeBytes": 4096, "who": EntityUid("User", "u1"), "now": NOW}
    values: list[Any] = [
        ward.check(sample, USER, "viewSummary", CASE, now=NOW),
        ward.check(sample, ("User", "nobody"), "viewSummary", ("Case", "\"none\n"), now=NOW),
        ward.check(sample, USER, "closeCase", CASE),
        Request(USER, "uploadFile", CASE, context),
        Request(USER, "viewSummary", CASE),
        EntityUid("Case", "c\"1"),
        *caseward.diagnose('@id("a") permit (principal, action, resource) when { resource.nothing };'),
    ]
    for value in values:
        again = road(value)
        assert again == value and type(again) is type(value) and repr(again) == repr(value)
        assert not hasattr(value, "to_json") or again.to_json() == value.to_json()
    decided = ward.check_many(sample, USER, "viewSummary", ("Case", sample.ids("Case")), now=NOW)
    same: Decisions = road(decided)
    assert (same.allowed, same.version, same.policy_hash) == (decided.allowed, decided.version, decided.policy_hash)


def errors(ward: Ward) -> list[CasewardError]:
    found: list[CasewardError] = []
    for work in (
        lambda: Ward.from_sources("permit"),
        lambda: Ward.from_sources({"a.cedar": "", "b.cedar": "permit (principal, action, resource);"}),
        lambda: World.from_json(ward, '[{"uid": {"type": "School", "id": "a"}, "attrs": {"kind": 1}, "parents": []}]'),
        lambda: World.empty(ward).apply(Changes().set(USER, "loginActive", True)),
        lambda: World.from_bytes(ward, b"x"),
        lambda: EntityUid.parse("x"),
    ):
        with pytest.raises(CasewardError) as refused:
            work()
        found.append(refused.value)
    return found


@pytest.mark.parametrize("road", ROADS, ids=["pickle", "protocol 2", "copy", "deepcopy"])
def test_errors_come_back_with_their_problems(ward: Ward, road: Callable[[Any], Any]) -> None:
    all = errors(ward)
    assert sum(len(error.problems) for error in all) >= 5
    for error in all:
        again = road(error)
        assert type(again) is type(error) and str(again) == str(error) and again.args == error.args
        assert again.problems == error.problems
        assert [problem.line for problem in again.problems] == [problem.line for problem in error.problems]


def _refused(text: str) -> None:
    Ward.from_sources(text)


def test_an_error_of_another_process_arrives_whole() -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        refused = pool.submit(_refused, '@id("a")\npermit (principal, action, resource) when { x };').exception(60)
    assert isinstance(refused, caseward.PolicyError)
    assert [(problem.line, problem.column) for problem in refused.problems] == [(2, 45)]


def parts(value: Any) -> list[Any]:
    """An answer, and the answers that it is made of."""
    found: list[Any] = [value]
    for name in dir(type(value)):
        inner = getattr(value, name) if isinstance(getattr(type(value), name, None), GETTER) else None
        inners: list[Any] = list(inner) if isinstance(inner, (list, tuple)) else [inner]
        for one in inners:
            if type(one).__module__ == "caseward":
                found += parts(one)
    return found


GETTER = type(Ward.schema)


@pytest.fixture(scope="module")
def answers(ward: Ward, sample: World) -> list[Any]:
    """One of every kind of answer and more, with all that they are made of."""
    item = EntityUid("Item", sample.ids("Item")[0])
    holder = ward.who(sample, "User", "viewItem", item, now=NOW).ids()[0]
    people = [*sample.ids("User")[:8], holder]
    found: list[Any] = [ward.matrix(), ward.view(sample, ("User", holder), sample.attribute(item, "case"), now=NOW)]
    # So many schools are a view of their own in Spark.
    schools = [EntityUid("School", id) for id in sample.ids("School")[:20]]
    lead = {**(sample.attributes(USER) or {}), "loginActive": True, "attendanceLeadAt": schools, "ministryTeams": []}
    busy = sample.with_(Changes().put(("User", "busy"), lead))
    found.append(ward.filter(busy, ("User", "busy"), "viewSummary", "Case", Database(ward, "spark"), now=NOW))
    for person in people:
        user = ("User", person)
        found += ward.actions(sample, user, CASE, now=NOW)
        found += [ward.view(sample, user, case, now=NOW) for case in (CASE, ("Case", "none"))]
        actions = ("viewSummary", "viewRecord", "closeCase", "viewSupportPlan")
        found += [ward.explain(sample, user, action, CASE, now=NOW) for action in actions]
        found.append(ward.visible(sample, user, "viewSummary", "Case", now=NOW).page(most=2))
        found.append(ward.sorted(sample, user, "viewSummary", "Case", by="openedAt", now=NOW).page(most=2))
        for dialect in ("postgres", "spark"):
            found.append(ward.filter(sample, user, "viewSummary", "Case", Database(ward, dialect), now=NOW))
        with contextlib.suppress(caseward.RequestError):
            table = ward.count_by(sample, user, "viewSummary", "Case", ["status", "month of openedAt"], now=NOW)
            found += [table, table.protect()]
    found += ward.who_with_reasons(sample, "User", "viewSummary", CASE, now=NOW)
    found += CaseFile.read(ward, "mine.toml", WRONG_CASE).run(ward)
    found.append(caseward.Column("User", "worker"))
    return [part for answer in found for part in parts(answer)]


WRONG_CASE = """
now = "2026-05-11T09:00:00+12:00"
[world.User.u]
loginActive = true
[[case]]
name = "nobody may"
principal = "User.u"
action = "viewSummary"
resource = "Case.c"
absent = ["Case.c"]
expect = "allow"
"""


@pytest.mark.parametrize("road", ROADS, ids=["pickle", "protocol 2", "copy", "deepcopy"])
def test_every_answer_comes_back_as_it_was(answers: list[Any], road: Callable[[Any], Any]) -> None:
    kinds: Counter[str] = Counter()
    for value in answers:
        again = road(value)
        assert type(again) is type(value) and again == value and not again != value  # noqa: SIM202 - both are asked
        assert repr(again) == repr(value) and str(again) == str(value)
        for shown in ("to_json", "to_csv", "tree", "to_rows"):
            assert not hasattr(value, shown) or getattr(again, shown)() == getattr(value, shown)()
        kinds[type(value).__name__] += 1
    assert set(kinds) >= ANSWERS, ANSWERS - set(kinds)


ANSWERS = {
    "ActionAnswer", "Answer", "Condition", "Edit", "EntityUid", "Explanation", "Field", "Filter", "Granted",
    "Instead", "Item", "Kept", "Line", "Matrix", "Mismatch", "Need", "Next", "Operand", "Page", "Policy", "Reason",
    "Section", "Setup", "SortedPage", "Table", "View",
}  # fmt: skip
# What holds policies or data.
HELD = {
    "Action", "Attribute", "Batches", "Case", "CaseFile", "Database", "EntityType", "Schema", "Sorted", "Type",
    "Visible", "Ward", "World",
}  # fmt: skip
# What a store answers: `test_store` has one of each.
STORED = {"Done", "LineAnswer", "Mirror", "Mirrored", "Past", "Seen", "Store", "Watch"}


def test_every_class_is_pickled_or_says_why_not(ward: Ward, sample: World) -> None:
    classes = {name for name in caseward.__all__ if isinstance(getattr(caseward, name), type)}
    errors = {name for name in classes if issubclass(getattr(caseward, name), CasewardError)}
    assert classes - errors == ANSWERS | HELD | STORED | {"Changes", "Column", "Decisions", "Problem", "Request"}
    schema = ward.schema
    case = schema.entity_type("Case")
    file = CaseFile.read(ward, "mine.toml", "")
    held: list[Any] = [
        schema,
        case,
        case.attributes["status"],
        case.attributes["status"].type,
        schema.action("closeCase"),
        Database(ward, "sqlite"),
        ward,
        sample,
        ward.visible(sample, USER, "viewSummary", "Case", now=NOW),
        ward.visible(sample, USER, "viewSummary", "Case", now=NOW).table(),
        ward.sorted(sample, USER, "viewSummary", "Case", now=NOW),
        file,
    ]
    for value in held:
        name = type(value).__name__
        for work in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match=f"^a {name} is neither pickled nor copied: "):
                work(value)
    assert {type(value).__name__ for value in held} == HELD - {"Case"}


def test_a_batch_of_changes_is_pickled_and_its_copy_is_its_own(ward: Ward) -> None:
    batch = Changes().put(("School", "s"), {"kind": "state"}).set(USER, "loginActive", True).remove(CASE)
    for road in ROADS:
        again = road(batch)
        assert again == batch and len(again) == 3
        again.remove(USER)
        assert again != batch and len(batch) == 3


def test_what_tells_everything_is_never_pickled_into_a_view(ward: Ward, sample: World) -> None:
    view = ward.view(sample, USER, CASE, now=NOW)
    function, (name, data) = view.__reduce__()
    assert function(name, data) == view
    _, (_, everything) = ward.explain(sample, USER, "closeCase", CASE, now=NOW).__reduce__()
    for wrong in (everything, data[:-1], data + b"x", b"", data.replace(b"caseward 0", b"caseward 9")):
        with pytest.raises(caseward.DataError, match="the bytes are not those of a `View` that caseward "):
            function("View", wrong)
    with pytest.raises(ValueError, match="`Ward` is nothing that caseward pickles"):
        function("Ward", data)


def test_what_shows_is_copied_and_stays_what_it_is(ward: Ward, sample: World) -> None:
    why = ward.explain(sample, USER, "closeCase", CASE, now=NOW)
    for value in (why, ward.view(sample, USER, CASE, now=NOW), *ward.actions(sample, USER, CASE, now=NOW)):
        assert copy.copy(value) is value and copy.deepcopy(value) is value
