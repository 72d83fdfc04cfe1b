"""A child that is forked while other threads are inside the library finds no lock that nobody will open."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from caseward import Changes, Ward, World

NOW = dt.datetime(2026, 5, 10, 21, tzinfo=dt.UTC)
CHILDREN = 40
LIMIT = 60.0

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork"),
    # What Python says of forks beside threads is what is tested here.
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning"),
]


def ask(ward: Ward, world: World, n: int) -> None:
    """Every road into the library that takes a lock: caches, indices, the data held still, a batch."""
    user = ("User", f"u{n % 200 + 1:05}")
    ward.check_many(world, user, "viewSummary", ("Case", world.ids("Case")), now=NOW)
    ward.visible(world, user, "viewSummary", "Case", now=NOW)
    ward.count(world, user, "viewRecord", "Case", now=NOW)
    ward.check(world, user, "viewSummary", ("Case", "c0000001"), now=NOW)
    ward.explain(world, user, "viewRecord", ("Case", "c0000001"), now=NOW)
    world.apply(Changes().set(("Student", "n0000001"), "nsn", f"{n:010}"))
    world.attributes(("Student", "n0000001"))


@contextmanager
def load(ward: Ward, world: World) -> Iterator[list[int]]:
    """Threads that are inside the library nearly all of the time."""
    done, rounds = threading.Event(), [0, 0, 0]

    def work(thread: int) -> None:
        n = thread * 1_000
        while not done.is_set():
            ask(ward, world, n)
            n, rounds[thread] = n + 1, rounds[thread] + 1

    threads = [threading.Thread(target=work, args=[thread]) for thread in range(len(rounds))]
    for thread in threads:
        thread.start()
    try:
        yield rounds
    finally:
        done.set()
        for thread in threads:
            thread.join()


def wait_for(child: int, until: float) -> int | None:
    """How a child ended; None where it had to be ended."""
    while time.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def test_children_of_a_busy_process_work(ward: Ward) -> None:
    world = World.sample(ward, cases=200, seed=3)
    ends: list[int | None] = []
    with load(ward, world) as rounds:
        for n in range(CHILDREN):
            child = os.fork()
            if child == 0:
                code = 1
                try:
                    ask(ward, world, n)
                    # The child's own threads come in too, and it can fork in its turn.
                    thread = threading.Thread(target=ask, args=[ward, world, n])
                    thread.start()
                    thread.join()
                    if n % 8 == 0:
                        grandchild = os.fork()
                        if grandchild == 0:
                            ask(ward, world, n)
                            os._exit(0)
                        assert wait_for(grandchild, time.monotonic() + LIMIT / 2) == 0
                    code = 0
                finally:
                    os._exit(code)
            ends.append(wait_for(child, time.monotonic() + LIMIT))
            if ends[-1] is None:
                break
        before = sum(rounds)
        deadline = time.monotonic() + LIMIT
        while sum(rounds) < before + 3 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert sum(rounds) >= before + 3, "the parent goes on"
    assert ends == [0] * CHILDREN


def _count(n: int) -> int:
    ward, world = _shared
    ask(ward, world, n)
    return ward.count(world, ("User", "u00001"), "viewSummary", "Case", now=NOW)


def test_pools_of_forked_processes_work(ward: Ward) -> None:
    global _shared
    world = World.sample(ward, cases=200, seed=3)
    _shared = (ward, world)
    with load(ward, world), multiprocessing.get_context("fork").Pool(3) as pool:
        counts = pool.map_async(_count, range(24)).get(LIMIT)
    assert len(counts) == 24 and len(set(counts)) == 1


def test_a_fork_in_a_thread_works_too(ward: Ward) -> None:
    world = World.sample(ward, cases=200, seed=3)
    ends: list[int | None] = []

    def fork() -> None:
        for n in range(8):
            child = os.fork()
            if child == 0:
                try:
                    ask(ward, world, n)
                    os._exit(0)
                finally:
                    os._exit(1)
            ends.append(wait_for(child, time.monotonic() + LIMIT))

    with load(ward, world):
        threads = [threading.Thread(target=fork) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert ends == [0] * 16


_shared: tuple[Ward, World]
