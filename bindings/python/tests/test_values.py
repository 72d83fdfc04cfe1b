"""Values between Python and Cedar: each kind there and back, and what is refused, with why."""

from __future__ import annotations

import copy
import datetime as dt
import ipaddress
import pickle
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from caseward import Changes, DataError, EntityUid, RequestError, Ward, World

SCHEMA = """
entity Thing = {
  bool?: Bool, long?: Long, string?: String, thing?: Thing, texts?: Set<String>, things?: Set<Thing>,
  records?: Set<{ a: Long }>, record?: { a: Long, b?: Bool }, decimal?: decimal, ip?: ipaddr,
  at?: datetime, lasts?: duration,
};
action look appliesTo { principal: Thing, resource: Thing, context: { n: Long } };
"""
THING = EntityUid("Thing", "t")
UTC = dt.UTC


@pytest.fixture
def world() -> World:
    ward = Ward.from_sources('@id("p") permit (principal, action, resource);', schema=SCHEMA)
    world = World.empty(ward)
    world.apply(Changes().put(THING))
    return world


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("bool", True, True),
        ("long", 2**63 - 1, 2**63 - 1),
        ("long", -(2**63), -(2**63)),
        ("string", "é\"\\\n\0", "é\"\\\n\0"),
        ("thing", THING, THING),
        ("thing", ("Thing", "t"), THING),
        ("texts", ["b", "a", "b"], frozenset({"a", "b"})),
        ("texts", set[str](), frozenset[str]()),
        ("things", frozenset({THING}), frozenset({THING})),
        ("records", [{"a": 1}, {"a": 1}], [{"a": 1}]),
        ("record", {"b": False, "a": 1}, {"a": 1, "b": False}),
        ("decimal", Decimal("-1.2500"), Decimal("-1.25")),
        ("decimal", Decimal("1E+3"), Decimal(1000)),
        ("decimal", Decimal("922337203685477.5807"), Decimal("922337203685477.5807")),
        ("decimal", Decimal("-922337203685477.5808"), Decimal("-922337203685477.5808")),
        ("decimal", Decimal("0E-999999999"), Decimal(0)),
        ("decimal", Decimal("1." + "0" * 100), Decimal(1)),
        ("ip", ipaddress.ip_address("10.0.0.1"), ipaddress.ip_address("10.0.0.1")),
        ("ip", ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_interface("10.0.0.0/8")),
        ("ip", ipaddress.ip_interface("2001:db8::1/64"), ipaddress.ip_interface("2001:db8::1/64")),
        ("at", dt.datetime(1970, 1, 1, 13, tzinfo=ZoneInfo("Pacific/Auckland")), None),
        ("at", dt.datetime(2026, 5, 11, 9, 0, 0, 1999, tzinfo=UTC), None),
        ("at", dt.datetime(1, 1, 1, tzinfo=UTC), None),
        ("at", dt.datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), None),
        ("lasts", dt.timedelta(days=-1, microseconds=999), dt.timedelta(days=-1)),
        ("lasts", dt.timedelta(milliseconds=1), dt.timedelta(milliseconds=1)),
    ],
)
def test_each_kind_there_and_back(world: World, name: str, given: Any, expected: Any) -> None:
    if expected is None:
        # The millisecond in which the instant lies.
        expected = given.astimezone(UTC).replace(microsecond=given.microsecond // 1000 * 1000)
    world.apply(Changes().set(THING, name, given))
    found = world.attribute(THING, name)
    assert found == expected
    assert type(found) is type(expected)
    assert world.attributes(THING) == {name: expected}


@pytest.mark.parametrize(
    ("given", "error", "why"),
    [
        (dt.datetime(2026, 5, 11, 9), ValueError, "naive"),
        (2**63, ValueError, "outside what a Long can hold"),
        (-(2**63) - 1, ValueError, "outside what a Long can hold"),
        (1.5, TypeError, "a float is no value"),
        (None, TypeError, "leave out what is absent"),
        (dt.date(2026, 5, 11), TypeError, "a date is no value"),
        (b"x", TypeError, "a bytes is no value"),
        (Fraction(1, 2), TypeError, "a Fraction is no value"),
        (("a", "b", "c"), TypeError, "a tuple is no value"),
        ({1: 2}, TypeError, "names to values"),
        (Decimal("NaN"), ValueError, "a Decimal does not fit"),
        (Decimal("Infinity"), ValueError, "a Decimal does not fit"),
        (Decimal("0.00001"), ValueError, "a Decimal does not fit"),
        (Decimal("922337203685477.5808"), ValueError, "a Decimal does not fit"),
        (Decimal("1E+999999999"), ValueError, "a Decimal does not fit"),
        (Decimal("1E-999999999"), ValueError, "a Decimal does not fit"),
        ("\ud800", UnicodeEncodeError, "surrogates not allowed"),
        ({"\ud800": 1}, UnicodeEncodeError, "surrogates not allowed"),
        (ipaddress.ip_address("fe80::1%eth0"), ValueError, "no address"),
        (object(), TypeError, "a object is no value"),
    ],
)
def test_what_is_no_value_is_refused_with_why(given: Any, error: type[Exception], why: str) -> None:
    with pytest.raises(error, match=why):
        Changes().set(THING, "x", given)


def test_a_bool_is_no_int_and_an_int_no_bool(world: World) -> None:
    for name, given in [("long", True), ("bool", 1)]:
        with pytest.raises(DataError, match="expected"):
            world.apply(Changes().set(THING, name, given))


def test_nesting_is_bounded() -> None:
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    endless: list[Any] = []
    endless.append(endless)
    for given in (deep, endless, {"a": deep}):
        with pytest.raises(ValueError, match="nested more than 64 deep"):
            Changes().set(THING, "x", given)
    # Python takes such a list apart by itself, but not by recursion.
    while isinstance(deep, list):
        deep = deep[0]


def test_entities_are_named_in_three_forms(world: World) -> None:
    for name in (THING, 'Thing::"t"', ("Thing", "t")):
        assert name in world
    for name in ("Thing", "Thing::t", "", "\0"):
        with pytest.raises(RequestError, match="is not an entity's name"):
            world.attribute(name, "long")
    for name in (("Thing",), ("Thing", 1), 3, None, ["Thing", "t"]):
        with pytest.raises(TypeError, match="expected an entity"):
            world.attribute(name, "long")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    with pytest.raises(UnicodeEncodeError):
        world.attribute(("Thing", "\ud800"), "long")


def test_names_are_values() -> None:
    uid = EntityUid("A::B", 'q"\n')
    assert str(uid) == 'A::B::"q\\"\\n"'
    assert EntityUid.parse(str(uid)) == uid
    assert eval(repr(uid)) == uid
    assert pickle.loads(pickle.dumps(uid)) == uid and copy.deepcopy(uid) == uid
    assert len({uid, EntityUid("A::B", 'q"\n')}) == 1
    assert min(EntityUid("B", "a"), EntityUid("A", "b")).type == "A"
    assert uid != "A"
