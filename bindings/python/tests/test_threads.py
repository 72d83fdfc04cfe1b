"""One ward and one world for many threads: reads see whole batches, and the interpreter is free meanwhile."""

from __future__ import annotations

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor

from caseward import Changes, EntityUid, Ward, World

NOW = dt.datetime(2026, 5, 11, tzinfo=dt.UTC)


def test_readers_see_whole_batches(ward: Ward) -> None:
    """Two students change school in one batch: at every moment both are at the same one."""
    world = World.sample(ward, cases=60, seed=2)
    students = [EntityUid("Student", id) for id in world.ids("Student")[:2]]
    schools = [EntityUid("School", id) for id in world.ids("School")[:2]]
    for student in students:
        world.apply(Changes().set(student, "enrolledAt", schools[0]).unset(student, "lastSchool"))
    leads: list[EntityUid] = []
    for number, school in enumerate(schools):
        lead = EntityUid("User", f"lead{number}")
        attributes = ward.schema.entity_type("User").attributes
        values = {name: [] for name, attribute in attributes.items() if attribute.type.kind == "Set"}
        world.apply(Changes().put(lead, values | {"loginActive": True, "attendanceLeadAt": [school]}))
        leads.append(lead)
    done = threading.Event()
    seen = {0: 0, 2: 0}

    def read() -> int:
        rounds = 0
        while not done.is_set() or rounds < 50:
            rounds += 1
            found = ward.check_many(world, leads[0], "createRequest", students, _contact(leads[0]), now=NOW)
            seen[found.count()] += 1
            other = ward.visible(world, leads[1], "createRequest", "Student", _contact(leads[1]), now=NOW)
            assert len([student for student in students if student in other]) in (0, 2)
            assert ward.check(world, leads[0], "createRequest", students[0], _contact(leads[0]), now=NOW).version
        return rounds

    def write() -> None:
        for n in range(300):
            moves = Changes()
            for student in students:
                moves.set(student, "enrolledAt", schools[n % 2])
            world.apply(moves)
        done.set()

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read) for _ in range(3)]
        pool.submit(write).result(120)
        assert all(reader.result(120) >= 50 for reader in readers)
    assert set(seen) == {0, 2} and sum(seen.values()) > 100


def _contact(lead: EntityUid) -> dict[str, EntityUid]:
    return {"primaryContact": lead}


def test_one_batch_of_changes_from_many_threads(ward: Ward) -> None:
    changes = Changes()

    def add(part: int) -> None:
        for n in range(200):
            changes.put(("School", f"{part}-{n}"), {"kind": "state"})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(4)))
    world = World.empty(ward)
    world.apply(changes)
    assert len(changes) == world.count("School") == 800


def test_a_wait_ends_when_the_version_comes(ward: Ward) -> None:
    world = World.empty(ward)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(world.at_least, 2, dt.timedelta(seconds=60))
        # The wait has the interpreter released, or this would never run.
        assert world.apply(Changes().put(("School", "s"), {"kind": "state"})) == 2
        assert waiting.result(60) == 2
