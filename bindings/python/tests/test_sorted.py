"""Lists in an order: as they are sorted by hand."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from caseward import Changes, EntityUid, RequestError, Ward, World

NOW = datetime(2026, 5, 11, 9, tzinfo=UTC)
USER = ("User", "u00001")


def opened(world: World, case: EntityUid) -> datetime:
    value = (world.attributes(case) or {}).get("openedAt")
    assert isinstance(value, datetime)
    return value


def test_a_list_is_sorted_and_filtered_as_by_hand(ward: Ward, sample: World) -> None:
    every = list(ward.visible(sample, USER, "viewSummary", "Case", now=NOW))
    held = [case for case in every if (sample.attributes(case) or {}).get("status") == "open"]
    found = ward.sorted(sample, USER, "viewSummary", "Case", by="openedAt", where=["status=open"], now=NOW)
    assert len(held) > 10 and len(found) == len(held)
    assert list(found) == sorted(held, key=lambda case: opened(sample, case))
    turned = ward.sorted(
        sample, USER, "viewSummary", "Case", by="openedAt", descending=True, where=["status=open"], now=NOW
    )
    assert [opened(sample, case) for case in turned] == sorted((opened(sample, c) for c in held), reverse=True)
    pages: list[EntityUid] = []
    page = turned.page(most=7)
    while True:
        pages += page.entities
        if page.next is None:
            break
        page = turned.page(page.next, most=7)
    assert pages == list(turned)
    assert (found.version, len(found.policy_hash), found.now) == (sample.version, 64, NOW)


def test_what_makes_no_sense_is_refused(ward: Ward, sample: World) -> None:
    for more, why in [
        ({"by": "opendAt"}, "openedAt"),
        ({"by": "team"}, "it is a set"),
        ({"descending": True}, "in no order"),
        ({"where": ["status"]}, "is no condition"),
        ({"by": "student.currentProvider"}, "is not shown"),
    ]:
        with pytest.raises(RequestError, match=why):
            ward.sorted(sample, USER, "viewSummary", "Case", now=NOW, **more)  # pyright: ignore[reportArgumentType]


def test_a_cursor_past_which_something_came_is_refused(ward: Ward) -> None:
    world = World.from_json(ward, "[]")
    batch = Changes()
    batch.put(("School", "s"), {"kind": "state"})
    world.apply(batch)
    found = ward.sorted(world, USER, "viewSummary", "Case", by="openedAt", now=NOW)
    assert (len(found), found.page().entities, found.page().next) == (0, [], None)
    with pytest.raises(RequestError, match="not a cursor"):
        found.page("1-2")
