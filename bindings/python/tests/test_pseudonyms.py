"""A world under other names decides alike, and nobody's name is left in it."""

from __future__ import annotations

import hmac
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from caseward import RequestError, Ward, World

NOW = datetime(2026, 5, 11, 9, tzinfo=ZoneInfo("Pacific/Auckland"))
KEY = bytes(range(32))


def hashed(text: str) -> str:
    return hmac.new(KEY, text.encode(), "sha256").hexdigest()


def test_lists_are_the_same_under_other_names(ward: Ward, sample: World) -> None:
    other = sample.pseudonymised(ward, KEY)
    found = 0
    for id in sample.ids("User")[::9]:
        here = ward.visible(sample, ("User", id), "viewSummary", "Case", now=NOW).ids()
        there = ward.visible(other, ("User", hashed(id)), "viewSummary", "Case", now=NOW).ids()
        assert sorted(map(hashed, here)) == sorted(there)
        found += len(there)
    assert found > 100
    text = other.to_json()
    for type in ("User", "Student", "Case", "School", "Provider"):
        assert not any(f'"{id}"' in text for id in sample.ids(type))
    assert World.from_json(ward, text).count("Case") == 300


def test_keys_are_drawn(ward: Ward, sample: World) -> None:
    for key in (b"short", bytes(40)):
        with pytest.raises(RequestError, match="the key of a release"):
            sample.pseudonymised(ward, key)
