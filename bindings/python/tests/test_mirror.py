"""A world of tables that another program writes, here through Python's own SQLite."""

from __future__ import annotations

import copy
import os
import pickle
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import caseward
from caseward import Changes, Database, EntityUid, Mirror, Ward, World

NOW = datetime(2026, 5, 11, 9, tzinfo=UTC)
SOON = timedelta(seconds=20)
MAPPING = "[types.School]\ntable = 'schools'\nid = 'code'\n"
POSITION = "SELECT seq FROM sqlite_sequence WHERE name = 'caseward_mirror_outbox'"


def tables(path: Path, ward: Ward, mapping: str | None = MAPPING) -> sqlite3.Connection:
    """Somebody's tables, with the outbox."""
    database = Database(ward, "sqlite", mapping=mapping)
    yours = sqlite3.connect(path, isolation_level=None)
    yours.execute("PRAGMA journal_mode = WAL")
    for statement in [*database.create(), *database.outbox()]:
        yours.executescript(statement)
    return yours


@pytest.fixture
def yours(tmp_path: Path, ward: Ward) -> Iterator[sqlite3.Connection]:
    yours = tables(tmp_path / "yours.db", ward)
    yield yours
    yours.close()


@pytest.fixture
def mirror(tmp_path: Path, ward: Ward, yours: sqlite3.Connection) -> Iterator[Mirror]:
    with Mirror.open(tmp_path / "yours.db", ward, mapping=MAPPING) as mirror:
        yield mirror


def add(yours: sqlite3.Connection, code: str) -> None:
    yours.execute("INSERT INTO schools (code, kind) VALUES (?, 'state')", (code,))


def test_what_another_program_commits_is_seen(mirror: Mirror, yours: sqlite3.Connection) -> None:
    with mirror.reading() as world:
        assert (len(world), world.version) == (0, 1)
    add(yours, "kauri")
    with mirror.newest(SOON) as world:
        assert world.ids("School") == ["kauri"]
        assert world.attribute(("School", "kauri"), "kind") == "state"
    # By the transaction's own position; half of it is never seen, and what is taken back is not either.
    yours.execute("BEGIN")
    add(yours, "rata")
    yours.execute("UPDATE schools SET kind = 'private' WHERE code = 'kauri'")
    [position] = yours.execute(POSITION).fetchone()
    with mirror.newest(SOON) as world:
        assert world.ids("School") == ["kauri"]
    yours.execute("COMMIT")
    with mirror.at_least(position, SOON) as world:
        assert (world.ids("School"), world.attribute(("School", "kauri"), "kind")) == (["kauri", "rata"], "private")
    yours.execute("BEGIN")
    yours.execute("DELETE FROM schools")
    yours.execute("ROLLBACK")
    yours.execute("DELETE FROM schools WHERE code = 'kauri'")
    with mirror.newest(SOON) as world:
        assert world.ids("School")[-1:] == ["rata"] and ("School", "kauri") not in world
    assert ("School", "rata") in mirror.world
    with pytest.raises(caseward.RequestError, match="changed by who writes them"):
        mirror.world.apply(Changes().remove(("School", "rata")))


def test_a_moment_that_is_held_stands_still(mirror: Mirror, yours: sqlite3.Connection) -> None:
    add(yours, "kauri")
    held = mirror.newest(SOON)
    assert timedelta(0) <= held.age < SOON
    add(yours, "rata")
    time.sleep(0.6)  # the mirror looks every 200 ms
    assert held.world.ids("School") == ["kauri"]
    held.close()
    held.close()
    with pytest.raises(caseward.StoreError, match="was released"):
        _ = held.world
    with mirror.newest(SOON) as world:
        assert world.ids("School") == ["kauri", "rata"]


def test_policies_decide_on_the_tables(tmp_path: Path, ward: Ward, sample: World) -> None:
    yours = tables(tmp_path / "all.db", ward, None)
    database = Database(ward, "sqlite")
    yours.execute("BEGIN")
    for insert, rows in database.rows(sample):
        yours.executemany(insert, rows)
    yours.execute("COMMIT")
    with Mirror.open(tmp_path / "all.db", ward) as mirror, mirror.reading() as world:
        assert world.to_json() == World.from_json(ward, world.to_json()).to_json()
        for person in sample.ids("User")[:20]:
            seen = set(ward.list(world, ("User", person), "viewSummary", "Case", now=NOW))
            assert seen == set(ward.list(sample, ("User", person), "viewSummary", "Case", now=NOW))
    yours.close()


def test_what_cannot_be_followed_is_not_shown_for_long(tmp_path: Path, ward: Ward) -> None:
    yours = tables(tmp_path / "yours.db", ward)
    soon = timedelta(milliseconds=20)
    mirror = Mirror.open(tmp_path / "yours.db", ward, mapping=MAPPING, every=soon, stale=timedelta(milliseconds=300))
    yours.execute("INSERT INTO student (id, nsn, enrolled_at) VALUES ('aroha', '1', 'nowhere')")
    with pytest.raises(caseward.StoreError, match=r"could not be made new in time: .*nowhere"):
        mirror.newest(timedelta(seconds=1))
    with pytest.raises(caseward.StoreError, match="nowhere"):
        mirror.reading()
    add(yours, "nowhere")
    with mirror.newest(SOON) as world:
        assert world.attribute(("Student", "aroha"), "enrolledAt") == EntityUid("School", "nowhere")
    with pytest.raises(caseward.StoreError, match="has not seen position 1000000"):
        mirror.at_least(1_000_000, timedelta(milliseconds=50))
    mirror.close()
    yours.close()


def test_what_makes_no_sense_is_refused(tmp_path: Path, ward: Ward, mirror: Mirror) -> None:
    place = tmp_path / "yours.db"
    with pytest.raises(caseward.RequestError, match="triggers of another mapping"):
        Mirror.open(place, ward, mapping=MAPPING + "[types.Student]\nid = 'nsn'\n")
    with pytest.raises(caseward.MappingError):
        Mirror.open(place, ward, mapping="[types.Schol]\ntable = 'schools'\n")
    with pytest.raises(caseward.RequestError, match="there is no database"):
        Mirror.open(tmp_path / "none.db", ward)
    (tmp_path / "text.db").write_text("no database")
    with pytest.raises(caseward.StoreError, match="no database of SQLite"):
        Mirror.open(tmp_path / "text.db", ward)
    sqlite3.connect(tmp_path / "bare.db").executescript("CREATE TABLE schools (code TEXT PRIMARY KEY)")
    with pytest.raises(caseward.RequestError, match="have no outbox"):
        Mirror.open(tmp_path / "bare.db", ward)
    with pytest.raises(ValueError, match="every: expected a duration"):
        Mirror.open(place, ward, mapping=MAPPING, every=timedelta(seconds=-1))
    with pytest.raises(ValueError, match="within: expected a duration"):
        mirror.newest(timedelta(seconds=-1))
    with pytest.raises(TypeError):
        mirror.newest(5)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="position"):
        mirror.at_least(-1, SOON)
    with pytest.raises(caseward.MappingError):
        Database(ward, "duckdb").outbox()


def test_it_is_closed_and_not_pickled(mirror: Mirror) -> None:
    held = mirror.reading()
    assert repr(mirror).endswith("yours.db>") and repr(held) == "<Mirrored: version 1>"
    for value in (mirror, held):
        for work in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match=f"^a {type(value).__name__} is neither pickled nor copied: "):
                work(value)
    # What is held stands until it is released, also where the mirror is closed meanwhile.
    mirror.close()
    mirror.close()
    assert len(held.world) == 0
    held.close()
    with pytest.raises(caseward.StoreError, match="the mirror is closed"):
        mirror.reading()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_child_of_a_fork_has_no_mirror(tmp_path: Path, ward: Ward, yours: sqlite3.Connection) -> None:
    mirror = Mirror.open(tmp_path / "yours.db", ward, mapping=MAPPING)
    child = os.fork()
    if child == 0:
        try:
            mirror.reading()
        except caseward.StoreError:
            # Nobody waits for a thread that is not there.
            mirror.close()
            del mirror
            os._exit(0)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    add(yours, "kauri")
    with mirror.newest(SOON) as world:
        assert world.ids("School") == ["kauri"]
    mirror.close()


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers")
def test_control_c_ends_the_waiting(mirror: Mirror, yours: sqlite3.Connection) -> None:
    def handler(_signal: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        begun = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            mirror.at_least(1_000_000, timedelta(seconds=60))
        assert time.monotonic() - begun < 20
    finally:
        signal.signal(signal.SIGALRM, before)
    # Nothing stays held.
    add(yours, "kauri")
    with mirror.newest(SOON) as world:
        assert world.ids("School") == ["kauri"]


def test_threads_share_it(mirror: Mirror, yours: sqlite3.Connection) -> None:
    found: list[int] = []

    def ask() -> None:
        for _ in range(20):
            with mirror.newest(SOON) as world:
                found.append(world.count("School"))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(20):
        add(yours, f"s{number}")
    for thread in threads:
        thread.join(60)
    assert len(found) == 80
    with mirror.newest(SOON) as world:
        assert world.count("School") == 20
