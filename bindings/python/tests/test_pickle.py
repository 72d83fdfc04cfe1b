"""Answers, requests and errors go to other processes, and are copied."""

from __future__ import annotations

import copy
import datetime as dt
import pickle
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import pytest

import caseward
from caseward import CasewardError, Changes, Decisions, EntityUid, Request, Ward, World

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


def test_what_shows_is_copied_and_stays_what_it_is(ward: Ward, sample: World) -> None:
    why = ward.explain(sample, USER, "closeCase", CASE, now=NOW)
    view = ward.view(sample, USER, CASE, now=NOW)
    for value in (why, view, *ward.actions(sample, USER, CASE, now=NOW)):
        assert copy.copy(value) is value and copy.deepcopy(value) is value
    # A view is made by the policies, for one person, and by nothing else.
    with pytest.raises(TypeError):
        pickle.dumps(view)
