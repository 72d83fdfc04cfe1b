"""Truth fails closed: what is denied is never true, and what has no truth of its own says so."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import caseward
from caseward import Database, Decisions, Ward, World

NOW = dt.datetime(2026, 5, 10, 21, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def person(ward: Ward, sample: World) -> tuple[str, str]:
    """Somebody who sees some cases and not others."""
    total = sample.count("Case")
    for user in sample.ids("User"):
        if 0 < ward.count(sample, ("User", user), "viewSummary", "Case", now=NOW) < total // 2:
            return ("User", user)
    raise AssertionError("nobody")


@pytest.fixture(scope="module")
def decided(ward: Ward, sample: World, person: tuple[str, str]) -> Decisions:
    return ward.check_many(sample, person, "viewSummary", ("Case", sample.ids("Case")), now=NOW)


def test_many_decisions_have_no_truth_of_their_own(ward: Ward, sample: World, decided: Decisions) -> None:
    for some in (decided, ward.check_many(sample, [], "viewSummary", [], now=NOW)):
        with pytest.raises(ValueError, match=r"have no truth of their own: ask `\.all\(\)` or `\.any\(\)`"):
            bool(some)
        with pytest.raises(ValueError, match="have no truth"):
            _ = "allowed" if some else "denied"  # pyright: ignore[reportGeneralTypeIssues]
    assert decided.any() and not decided.all()
    assert decided.any() is (decided.count() > 0) and list(decided) == decided.to_list()
    none = ward.check_many(sample, ("User", ["nobody"] * 3), "viewSummary", ("Case", ["x"] * 3), now=NOW)
    assert not none.any() and not none.all() and none.count() == 0


def test_decisions_are_an_array_to_numpy(decided: Decisions) -> None:
    expected = decided.to_list()
    rows = np.arange(len(expected))
    kept = np.where(decided, rows, -1)
    assert [row for row in kept if row >= 0] == [row for row, allowed in enumerate(expected) if allowed]
    typed = (np.array(decided, dtype=bool), np.asarray(decided, dtype="bool"))
    for array in (np.asarray(decided), np.array(decided), *typed):
        assert array.shape == (len(expected),) and array.dtype == np.bool_ and array.tolist() == expected
    assert np.array(decided, dtype=np.int8).tolist() == [int(allowed) for allowed in expected]
    assert rows[np.asarray(decided)].tolist() == [row for row, allowed in enumerate(expected) if allowed]
    assert np.count_nonzero(decided) == decided.count()  # type: ignore[arg-type, call-overload, unused-ignore] # pyright: ignore
    # It shares the memory, which is not to be written to; a copy is.
    shared = decided.__array__()
    assert not shared.flags.writeable and decided.__array__(copy=True).flags.writeable
    assert decided.__array__(copy=False).tolist() == expected
    with pytest.raises(ValueError, match="copy"):
        decided.__array__(np.dtype("int8"), copy=False)
    assert np.asarray(decided).tolist() == np.array(Shown(decided)).tolist()


class Shown:
    """What has the interface alone."""

    def __init__(self, decided: Decisions) -> None:
        self.__array_interface__: dict[str, Any] = decided.__array_interface__
        self.kept = decided


def test_no_decisions_are_an_empty_array(ward: Ward, sample: World) -> None:
    none = ward.check_many(sample, [], "viewSummary", [], now=NOW)
    assert np.asarray(none).shape == (0,) and np.asarray(none).dtype == np.bool_
    assert len(pl.Series("allowed", none, dtype=pl.Boolean)) == len(pd.Series(none, dtype=bool)) == 0
    assert pa.array(none).type == pa.bool_()


def test_decisions_are_a_column_to_frames(sample: World, decided: Decisions) -> None:
    expected = decided.to_list()
    array = pa.array(decided)
    assert array.type == pa.bool_() and array.to_pylist() == expected and array.null_count == 0
    assert pa.array(decided, type=pa.int8()).to_pylist() == [int(allowed) for allowed in expected]
    series = pl.Series("allowed", decided)
    assert series.dtype == pl.Boolean and series.to_list() == expected
    ids, columns = sample.columns("Case", ["status"])
    frame = pl.DataFrame({"id": ids, **columns}).filter(pl.Series("allowed", decided))
    assert frame["id"].to_list() == [id for id, allowed in zip(ids, expected, strict=True) if allowed]
    pandas = pd.DataFrame(columns, index=ids)
    assert pandas[np.asarray(decided)].index.tolist() == frame["id"].to_list()
    pandas["allowed"] = decided
    assert pandas["allowed"].dtype == np.bool_ and pandas["allowed"].tolist() == expected


def test_what_says_denied_is_false(ward: Ward, sample: World, person: tuple[str, str], decided: Decisions) -> None:
    seen = 0
    for case, allowed in list(zip(sample.ids("Case"), decided, strict=True))[:60]:
        record = ("Case", case)
        assert bool(ward.check(sample, person, "viewSummary", record, now=NOW)) is allowed
        assert bool(ward.explain(sample, person, "viewSummary", record, now=NOW)) is allowed
        view = ward.view(sample, person, record, now=NOW)
        assert bool(view) is bool(view.sections or view.items or view.actions) is allowed
        actions = ward.actions(sample, person, record, now=NOW)
        assert [bool(action) for action in actions] == [action.allowed for action in actions]
        assert allowed or not any(actions)
        seen += allowed
    assert 0 < seen < 60
    nothing = ward.view(sample, ("User", "nobody"), ("Case", "none"), now=NOW)
    assert not nothing


def test_a_condition_is_as_true_as_it_holds(ward: Ward, sample: World) -> None:
    why = ward.explain(sample, ("User", "u00001"), "closeCase", ("Case", "c0000001"), now=NOW)
    conditions = [condition for reason in why.nearest + why.deciding for condition in reason.conditions]
    assert conditions and all(bool(condition) is (condition.holds is True) for condition in conditions)


def test_a_filter_has_no_truth(ward: Ward, sample: World) -> None:
    nobody = ward.filter(sample, ("User", "nobody"), "viewSummary", "Case", Database(ward, "sqlite"), now=NOW)
    assert nobody.sql == "FALSE"
    with pytest.raises(ValueError, match="condition on rows"):
        bool(nobody)


def test_every_class_that_decides_was_thought_of() -> None:
    """A class that says `allowed`, or what somebody sees, has a truth of its own or refuses to have one."""
    for name in caseward.__all__:
        of = getattr(caseward, name)
        if isinstance(of, type) and ("allowed" in vars(of) or "withheld" in vars(of)) and name != "Item":
            assert "__bool__" in vars(of), name
