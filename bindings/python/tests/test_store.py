"""The case store: commands, feeds, past moments and the audit log."""

from __future__ import annotations

import base64
import copy
import json
import os
import pickle
import signal
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

import caseward
from caseward import Changes, EntityUid, Store

NOW = datetime(2026, 5, 11, 9, tzinfo=timezone(timedelta(hours=12)))
CONTACT = {"primaryContact": EntityUid("User", "contact")}


@pytest.fixture
def store(tmp_path: Path, root: Path) -> Iterator[Store]:
    """A store with the data of the tests of the crate."""
    with Store.init(tmp_path / "cases.db", trust_now=True, now=NOW, seed=7) as store:
        assert store.import_json(root / "core/store/tests/data/small.json") == 30
        yield store


def with_case(store: Store) -> None:
    made = store.do("User::\"lead\"", "createRequest", ("Student", "aroha"), CONTACT, id="r1")
    assert made.is_done and made.made == [EntityUid("Request", "r1")]
    assert store.do(("User", "lead"), "submitRequest", ("Request", "r1")).is_done
    assert store.do(("User", "flow"), "acceptRequest", ("Request", "r1"), id="c1").is_done


def test_commands_are_answered_as_the_command_answers(store: Store) -> None:
    with_case(store)
    case = ("Case", "c1")
    text = {"text": "Back since Monday."}
    answer = store.do(("User", "lead"), "addComment", case, data=text, key="k1", id="i1")
    assert (answer.outcome, answer.version, answer.repeated) == ("done", 5, False)
    assert answer.event is not None and answer.rules and answer.errors == []
    assert json.loads(answer.to_json())["made"] == ['Item::"i1"']
    again = store.do(("User", "lead"), "addComment", case, data=text, key="k1", id="i1")
    assert again.repeated and again.version == 5
    denied = store.do(("User", "rata-lead"), "addComment", case, data=text)
    assert (denied.outcome, denied.is_done, denied.made) == ("denied", False, [])
    late = store.do(("User", "lead"), "addComment", case, data=text, expect=3)
    assert late.outcome == "refused" and "was changed in version" in late.errors[0]
    assert store.do(("User", "lead"), "addComment", case, data={}).outcome == "invalid"
    # The world follows, and is the store's to change.
    assert store.world.attribute(("Item", "i1"), "kind") == "comment"
    assert store.ward.check(store.world, ("User", "lead"), "viewSummary", case, now=NOW).decision == "allow"
    with pytest.raises(caseward.RequestError, match="changed by commands and feeds"):
        store.world.apply(Changes().remove(("Item", "i1")))


def test_feeds_and_past_moments(store: Store) -> None:
    with_case(store)
    moves = "student,school,start\naroha,rata,2026-05-11\nben,nowhere,2026-05-11\n"
    answers = store.feed("enrolment", moves, now=NOW + timedelta(days=1))
    assert [(one.line, one.outcome) for one in answers] == [(2, "done"), (3, "bad")]
    assert answers[1].why == 'School::"nowhere" is not in the data'
    assert store.feed("enrolment", moves.encode(), now=NOW + timedelta(days=1))[0].outcome == "unchanged"
    with pytest.raises(caseward.RequestError, match="there is no feed"):
        store.feed("enrolments", moves)
    with pytest.raises(caseward.RequestError, match="24 to 48 hours"):
        store.feed("training", "user,passedAt\n", delay=timedelta(hours=1))
    # What was known then, and what is known of then now.
    before = store.as_of(NOW, known_at=NOW)
    now = store.as_of()
    assert before.world.attribute(("Student", "aroha"), "enrolledAt") == EntityUid("School", "kauri")
    assert now.world.attribute(("Student", "aroha"), "enrolledAt") == EntityUid("School", "rata")
    assert before.now == NOW
    assert before.ward.who(before.world, "User", "viewSummary", ("Case", "c1"), now=before.now)
    with pytest.raises(caseward.RequestError, match="lies ahead of the store's clock"):
        store.as_of(NOW + timedelta(days=900))


def test_the_log_and_the_doctor(store: Store) -> None:
    with_case(store)
    assert store.verify()["problems"] == []
    found = store.doctor()
    assert found["findings"] == [] and found["versions"] > 3
    privacy = ("User", "privacy")
    assert store.who_looked(("Case", "c1"), privacy) == []
    assert store.looked_at(privacy, privacy) == []
    store.do(("User", "rata-lead"), "addComment", ("Case", "c1"), data={"text": "x"})
    assert [one["kind"] for one in store.denied(privacy)] == ["addComment"]
    with pytest.raises(caseward.RequestError, match="may not see the access history"):
        store.who_looked(("Case", "c1"), ("User", "office"))


def test_what_goes_wrong_is_told(tmp_path: Path, store: Store) -> None:
    (tmp_path / "text.db").write_text("no database")
    for wrong, says in [("none.db", "there is no store"), ("text.db", "is no store of caseward")]:
        with pytest.raises(caseward.StoreError, match=says):
            Store.open(tmp_path / wrong)
    with pytest.raises(caseward.StoreError, match="is there already"):
        Store.init(tmp_path / "cases.db")
    with pytest.raises(ValueError, match="trust_now"):
        Store.open(tmp_path / "cases.db", now=NOW)
    with pytest.raises(caseward.RequestError, match="is no User"):
        store.do(("School", "kauri"), "addComment", ("Case", "c1"))
    with pytest.raises(ValueError, match="naive"):
        store.tick(now=datetime(2026, 5, 11))
    store.close()
    store.close()
    with pytest.raises(caseward.StoreError, match="is closed"):
        store.tick()
    with Store.open(tmp_path / "cases.db", trust_now=True, now=NOW) as again:
        assert len(again.world) == 30
        assert repr(again).endswith("cases.db>")


def test_a_store_is_encrypted_under_a_key(tmp_path: Path, root: Path) -> None:
    keys = [tmp_path / name for name in ("a.key", "b.key")]
    for number, key in enumerate(keys):
        key.write_text("caseward-store-key+" + base64.b64encode(bytes([number] * 32)).decode().rstrip("=") + "\n")
    place = tmp_path / "secret.db"
    with Store.init(place, key_file=keys[0], trust_now=True, now=NOW) as store:
        assert store.import_json(root / "core/store/tests/data/small.json") == 30
        with_case(store)
        assert store.do(("User", "lead"), "addComment", ("Case", "c1"), data={"text": "kei te mataku"}).is_done
        assert store.verify()["problems"] == [] and store.doctor()["findings"] == []
    assert all(b"mataku" not in path.read_bytes() for path in tmp_path.iterdir())
    for wrong, says in [(None, "is encrypted: give its key"), (keys[1], "is encrypted with the key")]:
        with pytest.raises(caseward.StoreError, match=says):
            Store.open(place, key_file=wrong)
    with pytest.raises(caseward.RequestError, match="no key of a store"):
        Store.open(place, key_file=root / "README.md")
    with Store.open(place, key_file=keys[0], trust_now=True, now=NOW) as store:
        assert ("Case", "c1") in store.world


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_child_of_a_fork_does_not_write(store: Store) -> None:
    child = os.fork()
    if child == 0:
        try:
            store.tick()
        except caseward.StoreError:
            os._exit(0)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert store.tick() == 0


def test_what_belongs_to_a_store_is_not_pickled(store: Store) -> None:
    watch = store.watch(("User", "lead"), "viewSummary", "Case")
    with_case(store)
    done = store.do(("User", "lead"), "addComment", ("Case", "c1"), data={"text": "Back."})
    line = store.feed("enrolment", "student,school,start\naroha,rata,2026-05-11\n")[0]
    for value in (store, done, line, store.as_of(NOW), watch, next(watch)):
        for work in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match=f"^a {type(value).__name__} is neither pickled nor copied: "):
                work(value)


def test_a_watch_tells_of_what_comes_and_goes(store: Store) -> None:
    with store.watch(("User", "lead"), "viewSummary", "Case") as watch:
        assert (watch.first, watch.version) == ([], 1)
        assert watch.within(0) is None
        with_case(store)
        seen = next(watch)
        assert (seen.came, seen.went, seen.version, seen.now) == ([EntityUid("Case", "c1")], [], 4, NOW)
        assert repr(seen) == "<Seen: version 4, 1 came, 0 went>" and seen == seen
        with pytest.raises(ValueError, match="seconds"):
            watch.within(-1)
    assert list(watch) == []
    with pytest.raises(caseward.StoreError, match="the watch is closed"):
        watch.within(0)
    again = store.watch(("User", "lead"), "viewSummary", "Case")
    assert again.first == [EntityUid("Case", "c1")]
    with pytest.raises(caseward.RequestError, match="no action"):
        store.watch(("User", "lead"), "fly", "Case")
    store.close()
    # It ends with its store.
    assert list(again) == []


def test_a_watch_wakes_and_is_ended(store: Store) -> None:
    watch = store.watch(("User", "lead"), "viewSummary", "Case")
    told: list[list[EntityUid]] = []
    thread = threading.Thread(target=lambda: told.extend(seen.came for seen in watch))
    thread.start()
    with_case(store)
    deadline = time.monotonic() + 20
    while not told and time.monotonic() < deadline:
        time.sleep(0.01)
    assert told == [[EntityUid("Case", "c1")]]
    # Another thread closes it.
    watch.close()
    thread.join(20)
    assert not thread.is_alive()


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers")
def test_control_c_ends_the_waiting(store: Store) -> None:
    watch = store.watch(("User", "lead"), "viewSummary", "Case")

    def handler(_signal: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        begun = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            next(watch)
        assert time.monotonic() - begun < 5
    finally:
        signal.signal(signal.SIGALRM, before)
    # It goes on after that.
    with_case(store)
    assert next(watch).came == [EntityUid("Case", "c1")]
