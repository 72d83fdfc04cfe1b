"""Whatever comes in, an exception comes out: no panic, no abort. What the fuzzers start from and found is among it."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import caseward
from caseward import CasewardError, Changes, Ward, World

FUZZ = Path(__file__).resolve().parents[3] / "fuzz"
INPUTS = sorted(path for kind in ("seeds", "crashes") for path in (FUZZ / kind).glob("*/*"))
POLICY = '@id("all") permit (principal, action, resource);'
# What an input may raise: a refusal, or Python's own word about a wrong argument.
REFUSALS = (CasewardError, TypeError, ValueError)


def refuses_or_takes(call: Callable[[], object]) -> None:
    try:
        call()
    except REFUSALS as refusal:
        assert type(refusal).__name__ != "PanicException"  # noqa: PT017 - what is taken is as well


def feed(clinic: Ward, data: bytes) -> None:
    """Gives an input to everything that takes text or bytes."""
    text = data.decode("utf-8", "surrogateescape")
    empty = World.empty(clinic)
    for given in {text, data.decode("latin-1")}:
        refuses_or_takes(lambda given=given: caseward.diagnose(given))
        refuses_or_takes(lambda given=given: caseward.format(given))
        refuses_or_takes(lambda given=given: Ward.from_sources(given))
        refuses_or_takes(lambda given=given: Ward.from_sources(POLICY, schema=given))
        refuses_or_takes(lambda given=given: World.from_json(clinic, given))
        refuses_or_takes(lambda given=given: caseward.EntityUid.parse(given))
        refuses_or_takes(lambda given=given: caseward.CaseFile.read(clinic, given, given))
        refuses_or_takes(lambda given=given: clinic.check(empty, given, given, given, given))
        refuses_or_takes(lambda given=given: clinic.actions(empty, (given, given), (given, given), given))
        refuses_or_takes(lambda given=given: clinic.visible(empty, (given, given), given, given, given))
        refuses_or_takes(lambda given=given: empty.apply(Changes().put((given, given), {given: given})))
    refuses_or_takes(lambda: World.from_json(clinic, data))
    refuses_or_takes(lambda: World.from_bytes(clinic, data))


@pytest.mark.parametrize("path", INPUTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_fuzzers_start_from_and_found(clinic: Ward, path: Path) -> None:
    feed(clinic, path.read_bytes())


def hostile() -> Iterator[bytes]:
    deep = 20_000
    for opening, closing in [(b"(", b")"), (b"[", b"]"), (b"{", b"}"), (b'{"a":', b"}"), (b"Set<", b">")]:
        yield opening * deep
        yield opening * deep + b"1" + closing * deep
    yield b'@id("p") permit (principal, action, resource) when { ' + b"(" * deep + b"true" + b")" * deep + b"};"
    yield b'@id("p") permit (principal, action, resource) when { true' + b" && true" * deep + b"};"
    yield b'[{"uid":' + b'{"__entity":' * deep + b"}" * deep + b"}]"
    yield b"x" * (2 << 20)
    yield b"\0"
    yield b"\xff\xfe"
    yield "\ud800".encode("utf-8", "surrogatepass")
    yield b'User::"' + b"\\" * deep
    yield b"caseward" + b"\xff" * 200


@pytest.mark.parametrize("data", list(hostile()), ids=itertools.count())
def test_depth_size_and_broken_text(clinic: Ward, data: bytes) -> None:
    feed(clinic, data)


def test_snapshots_with_every_byte_changed(clinic: Ward) -> None:
    world = World.empty(clinic)
    world.apply(Changes().put(("Clinic::Team", "t")))
    whole = world.to_bytes()
    for at in range(0, len(whole), 3):
        broken = bytearray(whole)
        broken[at] ^= 0x55
        with pytest.raises((caseward.SnapshotError, caseward.SchemaError)):
            World.from_bytes(clinic, broken)
        with pytest.raises((caseward.SnapshotError, caseward.SchemaError)):
            World.from_bytes(clinic, whole[:at])


WRONG: list[Any] = [None, 3, 1.5, b"x", [], {}, object(), "\ud800", ("a",), ("a", 3), type, lambda: 0]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: type(wrong).__name__)
def test_wrong_types_everywhere(ward: Ward, sample: World, wrong: Any) -> None:
    good = (sample, ("User", "u00001"), "viewSummary", ("Case", "c0000001"))
    for at in range(4):
        asked = [*good[:at], wrong, *good[at + 1 :]]
        for ask in (ward.check, ward.explain):
            if not (at in (1, 3) and wrong == ("a", 3)):
                with pytest.raises(REFUSALS):
                    ask(*asked)
        refuses_or_takes(lambda asked=asked: ward.check_many(*asked))
        refuses_or_takes(lambda asked=asked: ward.visible(asked[0], asked[1], asked[2], asked[3]))
        refuses_or_takes(lambda asked=asked: ward.actions(asked[0], asked[1], asked[3]))
    for call in (Ward.from_sources, caseward.diagnose, caseward.format, caseward.EntityUid.parse):
        refuses_or_takes(lambda call=call: call(wrong))
    for call in (sample.attribute, Changes().set_tag, Changes().set, Changes().put, sample.at_least):
        refuses_or_takes(lambda call=call: call(wrong, wrong))  # type: ignore[operator]
    refuses_or_takes(lambda: World.from_json(ward, wrong))
    refuses_or_takes(lambda: World.from_bytes(ward, wrong))
    refuses_or_takes(lambda: World.sample(ward, cases=wrong, seed=wrong))
    refuses_or_takes(lambda: Ward.from_sources({wrong: wrong} if wrong.__hash__ else wrong))
    for context in (wrong, {"now": wrong}, {"x": {"y": [wrong]}}):
        refuses_or_takes(lambda context=context: ward.check(*good, context))
    if wrong is not None:
        with pytest.raises(TypeError):
            ward.check(*good, now=wrong)


class Evil:
    """Objects whose own methods fail or lie."""

    def __index__(self) -> int:
        raise RuntimeError("no index")

    def __len__(self) -> int:
        return -1  # noqa: PLE0303 - it lies

    def __iter__(self) -> Iterator[Any]:
        raise RuntimeError("no iterator")

    def __fspath__(self) -> Any:
        raise RuntimeError("no path")


class Lie(dict[str, Any]):
    def items(self) -> Any:
        return [1, (2,), "ab"]


def test_objects_that_fail_or_lie(ward: Ward, sample: World) -> None:
    good = (sample, ("User", "u00001"), "viewSummary", ("Case", "c0000001"))
    errors = (RuntimeError, *REFUSALS)
    evil: Any = Evil()
    for call in (
        lambda: ward.check(*good, {"now": evil}),
        lambda: ward.check(*good, Lie(a=1)),
        lambda: ward.check_many(sample, evil, "viewSummary", evil),
        lambda: ward.check_many(sample, ("User", evil), "viewSummary", ("Case", evil)),
        lambda: Changes().set_parents(("User", "u"), evil),
        lambda: World.from_json(ward, evil),
        lambda: Ward.from_folder(evil),
    ):
        with pytest.raises(errors):
            call()


def test_nothing_can_be_made_or_changed_from_outside(sample: World) -> None:
    for name in ("Ward", "World", "Answer", "Visible", "Decisions", "Schema", "Case"):
        with pytest.raises(TypeError):
            getattr(caseward, name)()
    for target in (sample, caseward.EntityUid("A", "b")):
        with pytest.raises(AttributeError):
            target.version = 3  # type: ignore[misc,union-attr] # pyright: ignore


def test_an_interrupt_ends_a_wait() -> None:
    """`at_least` looks up now and then, so that Ctrl-C is heard."""
    code = """
import datetime as dt, signal, threading, os, time
from caseward import Ward, World
# What runs in the background may have been told to hear no interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)
world = World.empty(Ward.from_sources('@id("p") permit (principal, action, resource);'))
threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
try:
    world.at_least(9, dt.timedelta(seconds=60))
except KeyboardInterrupt:
    print("heard")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=50, check=True)
    assert done.stdout == "heard\n"
