"""What Python sees: one decision, a column of them, a list, and the import, beside cedarpy.

Adds rows to a report (`report.json`, where `make bench` wrote its own): a list of `{"name", "implementation",
"unit", "value", "p99", "samples", "answer"}`, `value` the median. Every answer is asserted while it is timed.

    python bench.py report.json 100000
"""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cedarpy

from caseward import Ward, World

NOW = dt.datetime(2026, 5, 11, 9, tzinfo=dt.UTC)
ACTION = "viewSummary"
# Decisions of a column, and of a round of single ones.
COLUMN = 100_000
SINGLE = 10_000
ROUNDS = 21

Row = dict[str, Any]


def measure(name: str, implementation: str, unit: str, work: Callable[[], object], per: int, rounds: int) -> Row:
    """The time of `work`, for each of the `per` things that it does; it gives the same answer each time."""
    answer = work()
    samples = []
    for _ in range(rounds):
        start = time.perf_counter_ns()
        found = work()
        took = time.perf_counter_ns() - start
        assert found == answer, f"{name}, {implementation}: {found}, and before {answer}"
        samples.append(took / per)
    samples.sort()
    row = {
        "name": name,
        "implementation": implementation,
        "unit": unit,
        "value": samples[len(samples) // 2],
        "p99": samples[(len(samples) - 1) * 99 // 100],
        "samples": len(samples),
        "answer": str(answer),
    }
    print(f"{name:48} {implementation:28} {row['value']:>14.1f} {unit}", flush=True)
    return row


def asked(world: World, len: int) -> tuple[list[str], list[str]]:
    """Pairs of people and cases all over the data, the same every time."""
    users, cases = world.ids("User"), world.ids("Case")
    state, pairs = 1, []
    for _ in range(len):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        pairs.append((users[(state >> 33) % users.__len__()], cases[(state >> 17) % cases.__len__()]))
    return [user for user, _ in pairs], [case for _, case in pairs]


def checks(ward: Ward, world: World, size: str) -> list[Row]:
    users, cases = asked(world, COLUMN)
    pairs = [(f'User::"{user}"', f'Case::"{case}"') for user, case in zip(users[:SINGLE], cases[:SINGLE], strict=True)]
    tuples = [(("User", user), ("Case", case)) for user, case in zip(users[:SINGLE], cases[:SINGLE], strict=True)]

    def one_by_one(among: list[Any]) -> Callable[[], int]:
        def work() -> int:
            check, allowed = ward.check, 0
            for user, case in among:
                if check(world, user, ACTION, case, now=NOW):
                    allowed += 1
            return allowed

        return work

    def column() -> int:
        return ward.check_many(world, ("User", users), ACTION, ("Case", cases), now=NOW).count()

    def of_one_person() -> int:
        return ward.check_many(world, ("User", users[0]), ACTION, ("Case", cases), now=NOW).count()

    decided = ward.check_many(world, ("User", users), ACTION, ("Case", cases), now=NOW).to_list()
    assert one_by_one(pairs)() == one_by_one(tuples)() == sum(decided[:SINGLE]) > 0
    what = f"python check/{size}"
    return [
        measure(f"{what}/one", "caseward, names as text", "ns", one_by_one(pairs), SINGLE, ROUNDS),
        measure(f"{what}/one", "caseward, names as pairs", "ns", one_by_one(tuples), SINGLE, ROUNDS),
        measure(f"{what}/again", "caseward, names as pairs", "ns", one_by_one(tuples[:1] * SINGLE), SINGLE, ROUNDS),
        measure(f"{what}/column of {COLUMN}", "caseward", "ns", column, COLUMN, ROUNDS),
        measure(f"{what}/column of one person", "caseward", "ns", of_one_person, COLUMN, ROUNDS),
        *cedar(ward, world, what, users, cases, decided),
    ]


def cedar(ward: Ward, world: World, what: str, users: list[str], cases: list[str], decided: list[bool]) -> list[Row]:
    """The same questions to cedarpy, on the few facts that each is about: with all of them it would parse for hours."""
    policies = cedarpy.PolicySet.from_str("\n".join(ward.source(p.id) or "" for p in ward.policies))
    few = 20
    few_pairs = list(zip(users[:few], cases[:few], strict=True))
    facts = [entities_of(world, ("User", user), ("Case", case)) for user, case in few_pairs]
    requests = [
        {
            "principal": f'User::"{user}"',
            "action": f'Action::"{ACTION}"',
            "resource": f'Case::"{case}"',
            "context": {"now": {"__extn": {"fn": "datetime", "arg": "2026-05-11T09:00:00Z"}}},
        }
        for user, case in few_pairs
    ]

    def work() -> list[bool]:
        answers = [cedarpy.is_authorized(r, policies, e) for r, e in zip(requests, facts, strict=True)]
        return [answer.allowed for answer in answers]

    assert work() == decided[:few]
    return [measure(f"{what}/one", "cedarpy, its facts alone, policies ready", "ns", work, few, 11)]


def entities_of(world: World, *names: tuple[str, str]) -> list[dict[str, Any]]:
    """The entities that are named, and all that these lead to."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    wanted = list(names)
    while wanted:
        name = wanted.pop()
        attributes = world.attributes(name)
        if name in found or attributes is None:
            continue
        attrs: dict[str, Any] = {}
        for attribute, value in attributes.items():
            attrs[attribute] = as_json(value, wanted)
        found[name] = {"uid": {"type": name[0], "id": name[1]}, "attrs": attrs, "parents": []}
    return list(found.values())


def as_json(value: Any, wanted: list[tuple[str, str]]) -> Any:
    match value:
        case bool() | int() | str():
            return value
        case dt.datetime():
            return {"__extn": {"fn": "datetime", "arg": value.strftime("%Y-%m-%dT%H:%M:%SZ")}}
        case frozenset():
            return [as_json(element, wanted) for element in value]
        case _:
            wanted.append((value.type, value.id))
            return {"__entity": {"type": value.type, "id": value.id}}


def lists(ward: Ward, world: World, size: str) -> list[Row]:
    users = world.ids("User")
    lengths = [(ward.count(world, ("User", user), ACTION, "Case", now=NOW), user) for user in users[:400]]
    thousand = min(lengths, key=lambda found: abs(found[0] - 1_000))[1]

    def work() -> int:
        return len(ward.visible(world, ("User", thousand), ACTION, "Case", now=NOW))

    def ids() -> int:
        return len(ward.visible(world, ("User", thousand), ACTION, "Case", now=NOW).ids())

    what = f"python list/{size}"
    return [
        measure(what, "caseward, as a set", "ns", work, 1, 201),
        measure(what, "caseward, its ids", "ns", ids, 1, 201),
    ]


def imports() -> list[Row]:
    """Import of the package, without the start of the interpreter."""
    code = "import time; t = time.perf_counter_ns(); import caseward; print(time.perf_counter_ns() - t)"
    samples = []
    for _ in range(15):
        done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
        samples.append(float(done.stdout))
    samples.sort()
    row = {"name": "python import", "implementation": "caseward", "unit": "ns", "value": samples[7]}
    row |= {"p99": samples[-1], "samples": len(samples), "answer": "imported"}
    print(f"{'python import':48} {'caseward':28} {samples[7]:>14.1f} ns", flush=True)
    return [row]


def main() -> None:
    report = Path(sys.argv[1])
    rows: list[Row] = json.loads(report.read_text(encoding="utf-8")) if report.exists() else []
    rows = [row for row in rows if not row["name"].startswith("python ")] + imports()
    ward = Ward.attendance()
    for cases in [int(size) for size in sys.argv[2:]] or [10_000, 100_000]:
        world = World.sample(ward, cases=cases)
        rows += checks(ward, world, str(cases)) + lists(ward, world, str(cases))
    report.write_text(json.dumps(rows, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
