"""Ctrl-C ends a long call, and the world is as it was."""

from __future__ import annotations

import datetime as dt
import gc
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from caseward import CaseFile, Changes, RequestError, Ward, World

NOW = dt.datetime(2026, 5, 10, 21, tzinfo=dt.UTC)

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers")


class Stop(Exception):
    """What a handler raises."""


def interrupted(work: Callable[[], Any]) -> float:
    """The seconds from the signal until the call has ended with what the handler raised."""
    sent: list[float] = []

    def handler(signal: int, frame: object) -> None:
        sent.append(time.monotonic())
        raise Stop

    before = signal.signal(signal.SIGALRM, handler)
    # Python drops what is raised within a collector's callback, and Hypothesis has one.
    gc.disable()
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with pytest.raises(Stop):
            work()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        gc.enable()
    return time.monotonic() - sent[0]


@pytest.fixture(scope="module")
def world(ward: Ward) -> World:
    return World.sample(ward, cases=3_000, seed=5)


def test_long_calls_end(ward: Ward, world: World) -> None:
    cases = world.ids("Case") * 2_000
    text = world.to_json()
    # So many entities that to read them takes a minute or more.
    lines = text.strip().removeprefix("[").removesuffix("]").strip()
    many = "[" + ",".join([lines] * 60) + "]"
    frame = pa.table({"case": pa.chunked_array([pa.array(world.ids("Case"))] * 2_000)})
    schools = pa.table({"id": pa.chunked_array([pa.array(world.ids("Case"))] * 2_000)})
    for work in (
        lambda: World.sample(ward, cases=5_000_000),
        lambda: ward.check_many(world, ("User", "u00001"), "viewRecord", ("Case", cases), now=NOW),
        lambda: ward.mask(world, frame, ("User", "u00001"), "viewRecord", "Case", id="case", now=NOW),
        lambda: World.from_arrow(ward, {"School": schools}),
        lambda: World.from_json(ward, many),
        lambda: [world.to_json() for _ in range(1_000)],
        lambda: [ward.visible(world, ("User", f"u{n:05}"), "viewRecord", "Case", now=NOW) for n in range(10**6)],
    ):
        # Without it, the call would have gone on for minutes; the machine may be busy.
        assert interrupted(work) < 30
    # Nothing is left behind: locks are free, and nothing is pending.
    version = world.apply(Changes().set(("Student", "n0000001"), "nsn", "0000000000"))
    assert ward.check(world, ("User", "u00001"), "viewSummary", ("Case", "c0000001"), now=NOW).version == version
    assert ward.count(world, ("User", "u00001"), "viewSummary", "Case", now=NOW) >= 0


def test_batches_indices_and_snapshots_end(ward: Ward) -> None:
    world = World.sample(ward, cases=5_000, seed=5)
    attributes = {case: world.attributes(("Case", case)) for case in world.ids("Case")[:200]}
    batch = Changes()
    for n in range(300):
        for case, fields in attributes.items():
            batch.put(("Case", f"{case}-{n}"), fields)
    snapshot = world.to_bytes()
    before = (world.version, world.count("Case"), hash(world.to_json()))
    ended = 0
    for work in (
        lambda: [world.apply(batch) for _ in range(100)],
        lambda: [world.with_(batch) for _ in range(100)],
        lambda: [World.from_bytes(ward, snapshot) for _ in range(1_000)],
        lambda: [world.to_bytes() for _ in range(1_000)],
        lambda: [ward.make_indices(World.from_bytes(ward, snapshot)) for _ in range(1_000)],
    ):
        assert interrupted(work) < 30
        # Whole batches were applied, or nothing.
        added = world.count("Case") - before[1]
        assert added in (0, 60_000) and (world.version == before[0]) == (added == 0)
        ended += 1
    assert ended == 5


def test_a_batch_ends_within_itself_and_changes_nothing(ward: Ward) -> None:
    world = World.sample(ward, cases=2_000, seed=5)
    fields = world.attributes(("Case", "c0000001"))
    batch = Changes()
    for n in range(200_000):
        batch.put(("Case", f"new{n}"), fields)
    before = (world.version, hash(world.to_json()))
    assert interrupted(lambda: world.apply(batch)) < 30
    assert (world.version, hash(world.to_json())) == before
    assert ward.count(world, ("User", "u00001"), "viewSummary", "Case", now=NOW) >= 0
    assert world.apply(Changes().set(("Student", "n0000001"), "nsn", "0000000000")) == before[0] + 1


def test_a_handler_is_refused_what_would_wait_for_its_own_call(ward: Ward) -> None:
    world = World.sample(ward, cases=3_000, seed=6)
    said: list[str] = []

    def handler(signal: int, frame: object) -> None:
        for work in (
            lambda: world.apply(Changes().set(("Student", "n0000001"), "nsn", "0000000000")),
            lambda: ward.visible(world, ("User", "u00002"), "viewRecord", "Case", now=NOW),
        ):
            try:
                work()
            except RequestError as error:
                said.append(str(error))

    cases = world.ids("Case") * 300
    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        ward.check_many(world, ("User", "u00001"), "viewRecord", ("Case", cases), now=NOW)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert not said or all("while a call on this thread is interrupted" in text for text in said)


def test_an_interrupt_is_told_as_nothing_else(ward: Ward, root: Path) -> None:
    path = next((root / "policies/tests/cases").glob("*.toml"))
    text = path.read_text(encoding="utf-8")
    cases = CaseFile.read(ward, path.name, text)
    for work in (
        # Each says where something is wrong, of whatever else goes wrong.
        lambda: [ward.matrix() for _ in range(1_000)],
        lambda: [CaseFile.read(ward, path.name, text) for _ in range(100_000)],
        lambda: [cases.run(ward) for _ in range(100_000)],
    ):
        assert interrupted(work) < 30


def test_keyboard_interrupts_end_them_too(ward: Ward) -> None:
    # A shell starts what runs in its background with interrupts ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            World.sample(ward, cases=5_000_000)
        timer.join()
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_handler_that_raises_nothing_changes_nothing(ward: Ward, world: World) -> None:
    seen: list[int] = []
    asked = (("User", "u00001"), "viewSummary", "Case")
    # An index that the handler would need first cannot be made within a call.
    ward.count(world, *asked, now=NOW)
    before = signal.signal(signal.SIGALRM, lambda *_: seen.append(ward.count(world, *asked, now=NOW)))
    signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
    try:
        cases = world.ids("Case") * 300
        decided = ward.check_many(world, ("User", "u00001"), "viewRecord", ("Case", cases), now=NOW)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    once = ward.check_many(world, ("User", "u00001"), "viewRecord", ("Case", world.ids("Case")), now=NOW)
    assert decided.allowed == once.allowed * 300 and len(set(seen)) <= 1
