"""What is asked and what is answered."""

from __future__ import annotations

import datetime as dt
import errno
import json
import os
import sqlite3
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

import caseward
from caseward import Changes, Database, EntityUid, Request, Ward, World

NOW = dt.datetime(2026, 5, 11, 9, tzinfo=dt.timezone(dt.timedelta(hours=12)))
AROHA, CASE = EntityUid("User", "aroha"), EntityUid("Case", "c1")


@pytest.fixture
def world(ward: Ward) -> World:
    """A student at Northcote with an open case, and the attendance lead there."""
    none: dict[str, Any] = {name: [] for name, attribute in _user(ward).items() if attribute == "Set"}
    world = World.empty(ward)
    version = world.apply(
        Changes()
        .put(("School", "northcote"), {"kind": "state"})
        .put(("School", "kauri"), {"kind": "state"})
        .put(("Student", "tama"), {"nsn": "1", "enrolledAt": ("School", "northcote")})
        .put(AROHA, none | {"loginActive": True, "attendanceLeadAt": [("School", "northcote")]})
        .put(
            CASE,
            {
                "student": ("Student", "tama"),
                "status": "open",
                "team": [],
                "openedAt": NOW,
                "prosecutionNotified": False,
            },
        )
    )
    assert version == 2
    return world


def _user(ward: Ward) -> dict[str, str]:
    return {name: a.type.kind for name, a in ward.schema.entity_type("User").attributes.items()}


def test_an_answer_says_who_made_it_and_from_what(ward: Ward, world: World) -> None:
    answer = ward.check(world, AROHA, "viewSummary", CASE, now=NOW)
    assert answer.allowed and answer and answer.decision == "allow"
    assert answer.policies == ("school.S1",) and answer.rules == ("S1",) and answer.errors == ()
    assert answer.policy_hash == ward.policy_hash and answer.version == world.version == 2
    assert answer.now == NOW
    assert json.loads(answer.to_json())["now"] == "2026-05-10T21:00:00.000Z"
    assert repr(answer) == "<Answer allow: school.S1>"
    assert answer == ward.check(world, AROHA, "viewSummary", CASE, now=NOW)
    assert answer != ward.check(world, AROHA, "viewSummary", CASE, now=NOW + dt.timedelta(days=1))


def test_a_denial_is_a_value_and_false(ward: Ward, world: World) -> None:
    denied = ward.check(world, AROHA, "viewRecord", CASE, now=NOW)
    assert not denied and not denied.allowed and denied.decision == "deny"
    absent = ward.check(world, ("User", "nobody"), "viewSummary", ("Case", "none"), now=NOW)
    assert absent.errors == ('Case::"none" is not in the data', 'User::"nobody" is not in the data')
    with pytest.raises(caseward.RequestError, match="no entity type `Robot`"):
        ward.check(world, ("Robot", "r"), "viewSummary", CASE, now=NOW)


def test_now_is_the_clocks_where_none_is_given(ward: Ward, world: World) -> None:
    before = dt.datetime.now(dt.UTC) - dt.timedelta(milliseconds=1)
    now = ward.check(world, AROHA, "viewSummary", CASE).now
    assert now is not None and before <= now <= dt.datetime.now(dt.UTC)
    with pytest.raises(ValueError, match="naive"):
        ward.check(world, AROHA, "viewSummary", CASE, now=dt.datetime(2026, 5, 11))
    with pytest.raises(TypeError, match="now: expected a datetime, found str"):
        ward.check(world, AROHA, "viewSummary", CASE, now="2026-05-11")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    # A context may have its own, where none is given.
    assert ward.check(world, AROHA, "viewSummary", CASE, {"now": NOW}).now == NOW
    assert ward.check(world, AROHA, "viewSummary", CASE, '{"now": "2026-05-11T09:00:00+1200"}').now == NOW


@pytest.mark.parametrize("context", [{"now": NOW}, '{"now": "2026-05-11T09:00:00Z"}', '{"\\u006eow": 1}', {"now": 1}])
def test_now_is_given_once(ward: Ward, world: World, context: Any) -> None:
    # A context may be written by whoever asks: it does not say another time than who calls.
    database = Database(ward, "sqlite")
    for ask in (
        lambda: ward.check(world, AROHA, "viewSummary", CASE, context, now=NOW),
        lambda: ward.check_many(world, AROHA, "viewSummary", ("Case", ["c1"]), context, now=NOW),
        lambda: ward.list(world, AROHA, "viewSummary", "Case", context, now=NOW),
        lambda: ward.count(world, AROHA, "viewSummary", "Case", context, now=NOW),
        lambda: ward.visible(world, AROHA, "viewSummary", "Case", context, now=NOW),
        lambda: ward.actions(world, AROHA, CASE, context, now=NOW),
        lambda: ward.explain(world, AROHA, "viewSummary", CASE, context, now=NOW),
        lambda: ward.view(world, AROHA, CASE, context, now=NOW),
        lambda: ward.who(world, "User", "viewSummary", CASE, context, now=NOW),
        lambda: ward.who_with_reasons(world, "User", "viewSummary", CASE, context, now=NOW),
        lambda: ward.count_by(world, AROHA, "viewSummary", "Case", [], context, now=NOW),
        lambda: ward.filter(world, AROHA, "viewSummary", "Case", database, context, now=NOW),
        lambda: ward.check(world, *Request(AROHA, "viewSummary", CASE, {"now": NOW}), now=NOW),
    ):
        with pytest.raises(caseward.RequestError, match="`now` is in the context, and given by now="):
            ask()


class NoInstant(dt.datetime):
    """As the NaT of pandas: a datetime from which nothing can be taken."""

    def __sub__(self, other: object) -> float:  # type: ignore[override] # pyright: ignore[reportIncompatibleMethodOverride]
        return float("nan")

    def __str__(self) -> str:
        return "NaT"


def test_what_is_no_number_or_no_instant_is_refused_by_the_name_of_its_place(
    ward: Ward, world: World, tmp_path: Path
) -> None:
    found = ward.visible(world, AROHA, "viewSummary", "Case", now=NOW)
    for most in (0, -1, 2**70):
        with pytest.raises(caseward.RequestError, match="most: expected a whole number from 1 to"):
            found.page(most=most)
    wrong: Any = "5"
    others: list[Any] = [wrong, 5.0, True]
    for other in others:
        with pytest.raises(TypeError, match="most: expected an int"):
            found.page(most=other)
    with pytest.raises(caseward.RequestError, match="below: expected a whole number"):
        ward.count_by(world, AROHA, "viewSummary", "Case", [], below=-1, now=NOW)
    with pytest.raises(caseward.RequestError, match="one of both"):
        ward.count_by(world, AROHA, "viewSummary", "Case", [], below=6, rounding_key=b"x" * 16, now=NOW)
    with pytest.raises(caseward.RequestError, match="one of both"):
        ward.report(world, AROHA, "school", below=6, rounding_key=b"x" * 16, now=NOW)
    with pytest.raises(ValueError, match="cases: expected a whole number from 0 to"):
        World.sample(ward, cases=-1)
    with pytest.raises(ValueError, match="seed: expected"):
        World.sample(ward, cases=1, seed=2**64)
    with pytest.raises(ValueError, match="NaT is no instant"):
        ward.check(world, AROHA, "viewSummary", CASE, now=NoInstant(2026, 5, 11, tzinfo=dt.UTC))
    with pytest.raises(TypeError, match="names: expected a list of str, found str"):
        world.columns("Case", wrong)
    with pytest.raises(IsADirectoryError) as refused:
        World.from_json(ward, tmp_path)
    assert refused.value.filename == str(tmp_path) or refused.value.filename == tmp_path


def test_many_are_decided_at_once(ward: Ward, world: World) -> None:
    cases = ["c1", "none", "c1"]
    decided = ward.check_many(world, AROHA, "viewSummary", ("Case", cases), now=NOW)
    assert list(decided) == decided.to_list() == [True, False, True]
    assert decided.allowed == b"\1\0\1" and decided.count() == 2 and len(decided) == 3
    assert (decided[0], decided[-2], decided.version) == (True, False, world.version)
    assert decided.policy_hash == ward.policy_hash
    for index in (3, -4, 2**62, -(2**62)):
        with pytest.raises(IndexError):
            decided[index]
    by_name = ward.check_many(world, ("User", ["aroha", "x", "aroha"]), "viewSummary", [CASE] * 3, now=NOW)
    assert by_name.to_list() == [True, False, True]
    both = ward.check_many(world, AROHA, "viewSummary", 'Case::"c1"', now=NOW)
    assert both.to_list() == [True]
    assert ward.check_many(world, [], "viewSummary", [], now=NOW).to_list() == []
    with pytest.raises(caseward.RequestError, match=r"^1 principals, and 3 resources$"):
        ward.check_many(world, ("User", ["aroha"]), "viewSummary", ("Case", cases), now=NOW)
    with pytest.raises(caseward.RequestError, match="one type"):
        ward.check_many(world, AROHA, "viewSummary", [CASE, ("Request", "r")], now=NOW)
    with pytest.raises(TypeError, match="an id is a str"):
        ward.check_many(world, AROHA, "viewSummary", ("Case", [1]), now=NOW)  # type: ignore[list-item] # pyright: ignore[reportArgumentType]


def test_a_list_is_a_set_with_pages(ward: Ward, sample: World) -> None:
    asked = [(user, "viewSummary", "Case") for user in sample.ids("User")]
    lists = [ward.visible(sample, ("User", user), action, ty, now=NOW) for user, action, ty in asked]
    longest = max(lists, key=len)
    assert len(longest) == 300 and longest.ids() == sample.ids("Case")
    paged, cursor, pages = list[EntityUid](), None, 0
    while pages == 0 or cursor is not None:
        page = longest.page(cursor, most=7)
        assert len(page) <= 7
        paged, cursor, pages = paged + page.entities, page.next, pages + 1
    assert paged == list(longest) and pages == 43
    assert paged[0] in longest and ("Case", "none") not in longest
    with pytest.raises(caseward.RequestError, match="not a cursor"):
        longest.page("x")
    other = World.sample(ward, cases=5)
    with pytest.raises(caseward.RequestError, match="of another world"):
        ward.visible(other, ("User", "u00001"), "viewSummary", "Case", now=NOW).page(longest.page(most=1).next)
    lengths = [ward.count(sample, ("User", user), action, ty, now=NOW) for user, action, ty in asked]
    assert lengths == [len(found) for found in lists]


def test_actions_say_what_they_need(ward: Ward, world: World) -> None:
    actions = {answer.action: answer for answer in ward.actions(world, AROHA, CASE, now=NOW)}
    assert actions["viewSummary"].allowed and not actions["viewRecord"].allowed
    [need] = actions["uploadFile"].needs
    assert (need.field, need.type, need.required) == ("sizeBytes", "Long", True)
    assert actions["uploadFile"].answer is None
    known = ward.actions(world, AROHA, CASE, {"sizeBytes": 4096}, now=NOW)
    assert next(answer for answer in known if answer.action == "uploadFile").allowed


def test_an_explanation_names_the_condition_that_failed(ward: Ward, world: World) -> None:
    world.apply(Changes().set(("Student", "tama"), "enrolledAt", ("School", "kauri")))
    why = ward.explain(world, AROHA, "viewSummary", CASE, now=NOW)
    assert not why.answer and why.deciding == [] and why.nearest
    nearest = why.nearest[0]
    assert nearest.policy.effect == "permit" and nearest.failed
    source = ward.source(nearest.policy.id)
    assert source is not None
    for condition in nearest.failed:
        start, end = condition.span
        assert " ".join(source.encode()[start:end].decode().split()) == " ".join(condition.text.split())
        assert source[: len(source.encode()[:start].decode())].count("\n") + 1 == condition.line
    assert str(why).startswith("deny\n") and why.tree() and not why.withheld
    assert why.story[1] == "Aroha is a user: attendance lead at Northcote, login active."
    # Where a student is enrolled is not for anybody here to set: it is told who does, and nothing is proposed.
    [fact] = why.kept
    assert why.turn == [] and fact.entity is not None and fact.set_by and fact.set_by in str(fact)
    assert why.instead is not None and why.instead.count == 0 and why.instead.people == []
    # What can be done in the day's work is proposed, and does it.
    contact = EntityUid("User", "ihaia")
    none: dict[str, Any] = {name: [] for name, attribute in _user(ward).items() if attribute == "Set"}
    world.apply(Changes().put(contact, none | {"loginActive": True, "primaryContactAt": [("School", "kauri")]}))
    near = ward.explain(world, contact, "viewSummary", CASE, now=NOW)
    turned = Changes()
    for edit in near.turn:
        assert edit.entity is not None and edit.entity == CASE and edit.what == "set"
        turned.set(edit.entity, edit.path[0], edit.value)
    assert near.turn and ward.check(world.with_(turned), contact, "viewSummary", CASE, now=NOW)
    # Somebody who may see nothing of it is told nothing of it.
    seen = ward.explain(world, AROHA, "viewSummary", CASE, now=NOW, viewer=AROHA)
    assert seen.answer.errors == ('Case::"c1" is not there, or not to be seen',)
    assert seen.turn == []
    # Of somebody else's request they are told nothing at all, unless they may see who may do what.
    refused: set[str] = set()
    for case in (CASE, EntityUid("Case", "c9")):
        for viewer in (("User", "nobody"), contact):
            with pytest.raises(caseward.RequestError) as error:
                ward.explain(world, AROHA, "viewSummary", case, now=NOW, viewer=viewer)
            refused.add(str(error.value))
    [why] = refused
    assert "`unlocks`" in why


def test_a_type_without_an_entry_is_known_to_nobody() -> None:
    schema = """entity User; entity Doc; entity Referral = { open: Bool };
        action read appliesTo { principal: User, resource: [Doc, Referral] };
        action link appliesTo { principal: User, resource: Doc, context: { to: Referral } };"""
    policy = '@id("all") permit (principal, action, resource) unless { resource is Referral && resource.open };'
    catalogue = '[Doc]\nknown_by = ["read"]\n[User]\npublic = []\n'
    ward = Ward.from_sources(policy, schema=schema, catalogue=catalogue)
    world = World.empty(ward)
    changes = Changes().put(("User", "u"), {}).put(("Doc", "d"), {})
    world.apply(changes.put(("Referral", "r1"), {"open": True}).put(("Referral", "r2"), {"open": False}))
    user = ("User", "u")

    def told(id: str) -> str:
        referral = EntityUid("Referral", id)
        explained = [
            ward.explain(world, user, "read", referral, viewer=user),
            ward.explain(world, user, "link", ("Doc", "d"), {"to": referral}, viewer=user),
        ]
        view = ward.view(world, user, ("Doc", "d"), {"to": referral})
        with pytest.raises(caseward.RequestError) as refused:
            ward.view(world, user, referral)
        forms = [form for one in explained for form in (str(one), one.tree(), one.to_json(), one._repr_html_())]
        return "\n".join([*forms, str(view), view.to_json(), str(refused.value)]).replace(id, "r1")

    assert told("r1") == told("r2") == told("r9")


def test_changes_are_seen_by_every_handle_or_looked_through(ward: Ward, world: World) -> None:
    moves = Changes().set(("Student", "tama"), "enrolledAt", ("School", "kauri"))
    planned = world.with_(moves)
    assert not ward.check(planned, AROHA, "viewSummary", CASE, now=NOW)
    assert ward.check(world, AROHA, "viewSummary", CASE, now=NOW)
    version = world.apply(moves)
    assert world.at_least(version, dt.timedelta()) == version
    assert not ward.check(world, AROHA, "viewSummary", CASE, now=NOW)
    with pytest.raises(caseward.VersionTimeoutError, match=f"version {version + 1} has not come"):
        world.at_least(version + 1, dt.timedelta(milliseconds=120))
    with pytest.raises(caseward.DataError) as refused:
        world.apply(Changes().remove(("School", "kauri")).set(("User", "x"), "loginActive", True))
    assert [problem.severity for problem in refused.value.problems] == ["error"] * len(refused.value.problems)
    assert world.version == version
    with pytest.raises(caseward.RequestError, match="cannot be changed itself"):
        planned.apply(moves)


def test_changes_of_every_kind(clinic: Ward) -> None:
    world = World.empty(clinic)
    a, b = ("Clinic::Ward", "a"), ("Clinic::Ward", "b")
    home = {"street": "s", "floor": 1}
    world.apply(Changes().put(a, {"name": "a", "home": home}).put(b, {"name": "b", "home": home}, parents=[a]))
    assert json.loads(world.to_json())[1]["parents"] == [{"type": "Clinic::Ward", "id": "a"}]
    world.apply(Changes().set_parents(b, []).set_tag(b, "t", ["x"]).set_tag(b, "u", []))
    written = json.loads(world.to_json())[1]
    assert written["parents"] == [] and written["tags"] == {"t": ["x"], "u": []}
    world.apply(Changes().unset_tag(b, "t").remove(a))
    assert len(world) == 1 and world.count("Clinic::Ward") == 1 and bool(World.empty(clinic))


def test_who_is_whom_check_allows(ward: Ward, sample: World) -> None:
    case = ("Case", "c0000001")
    found = ward.who(sample, "User", "viewSummary", case, now=NOW)
    users = sample.ids("User")
    decided = ward.check_many(sample, ("User", users), "viewSummary", case, now=NOW)
    assert found.ids() == [user for user, allowed in zip(users, decided, strict=True) if allowed] != []
    reasons = ward.who_with_reasons(sample, "User", "viewSummary", case, now=NOW)
    assert [granted.principal for granted in reasons] == list(found)
    for granted in reasons:
        answer = ward.check(sample, granted.principal, "viewSummary", case, now=NOW)
        assert (granted.policies, granted.rules) == (answer.policies, answer.rules)
    told = ward.alert(sample, case, now=NOW)
    assert all(user in found for user in told)


def test_a_view_shows_what_may_be_seen(ward: Ward, sample: World) -> None:
    case = EntityUid("Case", "c0000001")
    person = next(iter(ward.who(sample, "User", "viewSummary", case, now=NOW)))
    view = ward.view(sample, person, case, now=NOW)
    summary = view.section("summary")
    assert summary is not None and view.resource == case and view.version == sample.version
    fields = {field.name: field for field in summary.fields}
    assert fields["status"].value == sample.attribute(case, "status") and not fields["status"].content
    assert fields["student.name"].content and fields["student.name"].value is None
    for section in view.sections:
        for field in section.fields:
            if field.value is not None:
                assert field.value == sample.attribute(field.of, field.name.split(".")[-1])
    for unknown in (("Case", "none"), case):
        nothing = ward.view(sample, ("User", "nobody"), unknown, now=NOW)
        assert nothing.sections == [] and nothing.withheld == () and nothing.items == [] == nothing.actions


def test_counts_by_group_add_up(ward: Ward, sample: World) -> None:
    lengths = {user: ward.count(sample, ("User", user), "viewSummary", "Case", now=NOW) for user in sample.ids("User")}
    national = ("User", max(lengths, key=lambda user: lengths[user]))
    table = ward.count_by(sample, national, "viewSummary", "Case", ["status", "month of openedAt"], now=NOW)
    assert table.of == "Case" and table.by == ("status", "month of openedAt") and table.total == 300
    cases = [sample.attributes(("Case", id)) or {} for id in sample.ids("Case")]
    assert sum(row["count"] for row in table.to_rows()) == 300
    opened = [line for line in table.totals if line.keys == ("open", ...)]
    assert [line.count for line in opened] == [sum(case["status"] == "open" for case in cases)]
    assert table.totals[-1].keys == (..., ...) and table.totals[-1].count == 300
    by_school = ward.count_by(sample, national, "viewSummary", "Case", "school", now=NOW)
    assert {type(line.keys[0]) for line in by_school.cells} <= {EntityUid, type(None)}
    told = by_school.protect(below=4)
    assert told.protected and all(line.count is None or line.count >= 4 for line in told.cells)

    def rounded(by: str | list[str], key: bytes = b"sixteen bytes at least") -> caseward.Table:
        return ward.count_by(sample, national, "viewSummary", "Case", by, rounding_key=key, now=NOW)

    for by in (["status", "month of openedAt"], "school", []):
        told = rounded(by)
        assert told.protected and all(line.count is not None and line.count % 3 == 0 for line in told.cells)
        assert told.total == rounded("status").total, "the same records in every table"
    with pytest.raises(caseward.RequestError):
        rounded("status", b"short")
    with pytest.raises(caseward.RequestError, match="names none"):
        ward.count_by(sample, national, "viewSummary", "Case", "", now=NOW)
    with pytest.raises(caseward.RequestError, match="in the section `record`"):
        ward.count_by(sample, national, "viewSummary", "Case", "prosecutionNotified", now=NOW)
    with pytest.raises(caseward.RequestError, match="is no period"):
        ward.count_by(sample, national, "viewSummary", "Case", "weak of openedAt", now=NOW)
    assert "status" in table.to_csv() and str(table) and "<table>" in table._repr_html_()


def test_reports_are_for_those_who_may_have_them(ward: Ward, sample: World) -> None:
    def teams(user: str) -> list[str]:
        return [team.id for team in sample.attribute(("User", user), "ministryTeams")]

    users = sample.ids("User")
    researchers = [user for user in users if teams(user) == ["research"]]
    assert researchers
    table = ward.report(sample, ("User", researchers[0]), "anonymised", ["status", "provider"], now=NOW)
    assert table is not None and table.protected
    assert all(line.count is None or line.count >= 6 for line in table.cells)
    others = [user for user in users if not teams(user)]
    assert ward.report(sample, ("User", others[0]), "anonymised", "status", now=NOW) is None
    with pytest.raises(caseward.RequestError, match="no report of kind"):
        ward.report(sample, ("User", users[0]), "nothing", now=NOW)
    with pytest.raises(caseward.RequestError, match="prosecutions` \\(open cases"):
        ward.report(sample, ("User", users[0]), now=NOW)
    with pytest.raises(caseward.RequestError, match="New Zealand's time"):
        ward.report(sample, ("User", researchers[0]), "anonymised", "year of openedAt", zone="AAA-8", now=NOW)
    text = "name = 'r'\nkind = 'anonymised'\n[[tables]]\nby = ['status']\n"
    text += "[[tables]]\nname = 'q'\nby = ['quarter of openedAt']\n"
    tables = ward.release(sample, ("User", researchers[0]), text, now=NOW)
    assert tables is not None and [table.release for table in tables] == [("by status", ["q"]), ("q", ["by status"])]
    assert ward.release(sample, ("User", others[0]), text, now=NOW) is None
    with pytest.raises(caseward.RequestError, match="line 1"):
        ward.release(sample, ("User", researchers[0]), "nme = 'r'", now=NOW)


def test_a_filter_finds_in_sqlite_what_a_list_finds(ward: Ward, sample: World) -> None:
    database = Database(ward, "sqlite")
    assert database.dialect == "sqlite" and "CREATE TABLE" in "".join(database.create())
    connection = sqlite3.connect(":memory:")
    for statement in database.create():
        connection.execute(statement)
    for insert, rows in database.rows(sample):
        connection.executemany(insert, rows)
    lists = 0
    for user in sample.ids("User")[::7]:
        found = ward.visible(sample, ("User", user), "viewSummary", "Case", now=NOW)
        made = ward.filter(sample, ("User", user), "viewSummary", "Case", database, now=NOW)
        assert made.policy_hash == ward.policy_hash and made.setup == []
        params = [json.dumps(one) if isinstance(one, list) else one for one in made.params]
        query = f"{database.select('Case')} WHERE {made.sql}"
        rows = connection.execute(query, params).fetchall()
        assert sorted(row[0] for row in rows) == sorted(found.ids()), query
        lists += bool(rows)
    assert lists > 5
    with pytest.raises(ValueError, match="`oracle` is no dialect"):
        Database(ward, "oracle")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    with pytest.raises(caseward.MappingError):
        Database(ward, "sqlite", mapping="[types.Nothing]")


def test_a_filter_goes_into_a_query_that_has_more_in_it(ward: Ward, sample: World) -> None:
    database = Database(ward, "sqlite")
    connection = sqlite3.connect(":memory:")
    for statement in database.create():
        connection.execute(statement)
    for insert, rows in database.rows(sample):
        connection.executemany(insert, rows)
    asked, lists = ("viewSummary", "Case", database), 0
    for user in sample.ids("User")[::7]:
        who = ("User", user)
        found = sorted(ward.visible(sample, who, "viewSummary", "Case", now=NOW).ids())
        start = 'SELECT c.id FROM "case" AS c WHERE '
        plain = ward.filter(sample, who, *asked, now=NOW, alias="c", parameter_style="qmark")
        assert plain.signs == ("?",) * len(plain.params) and plain.arguments == plain.params
        assert sorted(i for (i,) in connection.execute(start + plain.sql, plain.params)) == found
        named = ward.filter(sample, who, *asked, now=NOW, alias="c", parameter_style=":p1", first_parameter=3)
        mine = dict(zip((sign[1:] for sign in named.signs), named.params, strict=True))
        assert named.arguments == (mine or ()) and all(name >= "p3" for name in mine if len(name) == 2)
        query = f"{start} c.status <> :mine AND :yours AND ({named.sql})"
        rows = connection.execute(query, {**mine, "mine": "none", "yours": 1})
        assert sorted(i for (i,) in rows) == found
        lists += bool(found)
    assert lists > 5
    with pytest.raises(caseward.RequestError, match="numbered from 1"):
        ward.filter(sample, AROHA, *asked, now=NOW, first_parameter=0)
    with pytest.raises(caseward.RequestError, match="no name for a row"):
        ward.filter(sample, AROHA, *asked, now=NOW, alias="")
    with pytest.raises(caseward.RequestError, match="no style of parameters `@`"):
        ward.filter(sample, AROHA, *asked, now=NOW, parameter_style="@")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def test_requests_are_values(ward: Ward, world: World) -> None:
    request = Request(AROHA, "viewSummary", 'Case::"c1"', {"now": NOW})
    assert ward.check(world, *request).allowed
    assert request == Request(*request) and request.context == {"now": NOW}
    assert json.loads(request.to_json())["principal"] == 'User::"aroha"'


def test_policies_are_described(ward: Ward, clinic: Ward) -> None:
    policy = ward.policy("school.S1")
    assert policy is not None and policy.rule == "S1" and policy.effect == "permit"
    assert policy.source == "school/S1.cedar" and policy.annotations["id"] == "school.S1"
    assert len(ward.policies) > 100 and ward.policy("x") is None and ward.source("x") is None
    assert ward.warnings == [] and len(ward.policy_hash) == 64
    assert ward.schema.action("viewSummary").uid == EntityUid("Action", "viewSummary")
    assert ward.schema.entity_type("MinistryTeam").choices is not None
    record = clinic.schema.entity_type("Clinic::Record").attributes["limits"].type
    assert str(record) == "{ high: Long, low: Long, note?: String }" and record.kind == "Record"
    assert clinic.schema.action("read").groups == [EntityUid("Clinic::Action", "use")]
    for ask in (ward.schema.action, ward.schema.entity_type):
        with pytest.raises(caseward.RequestError, match="the schema has no"):
            ask("nothing")


def test_notebooks_show_text_and_no_markup(ward: Ward) -> None:
    world = World.empty(ward)
    evil = ("User", "<script>alert(1)</script>&\"'")
    answer = ward.check(world, evil, "viewSummary", CASE, now=NOW)
    explained = ward.explain(world, evil, "viewSummary", CASE, now=NOW)
    world.apply(Changes().put(("School", "<b>x</b>"), {"kind": "&"}))
    shown: list[Any] = [answer, explained, world, ward.matrix()]
    shown.append(ward.visible(world, evil, "viewSummary", "Case", now=NOW))
    shown.append(ward.check_many(world, evil, "viewSummary", CASE, now=NOW))
    for value in shown:
        html = value._repr_html_()
        assert "<script>" not in html and "<b>x" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in answer._repr_html_()  # pyright: ignore[reportPrivateUsage]


def test_diagnose_and_format() -> None:
    text = '@id("é") permit (principal, action, resource) when { x };'
    [problem] = caseward.diagnose(text)
    assert problem.span is not None and problem.severity == "error" and problem.source == "policies"
    assert text.encode()[slice(*problem.span)] == b"x"
    assert str(problem).startswith("policies:1:54: ") and json.loads(problem.to_json())["span"]["start"] == 54
    fine = '@id("p") permit (principal, action, resource);'
    assert caseward.diagnose(fine) == [] and caseward.diagnose({"p.cedar": fine}) == []
    [named] = caseward.diagnose({"a/b.cedar": fine})
    assert named.message == "the policy's @id is `p`, and its place asks for `a.b`"
    [schema] = caseward.diagnose(fine, schema="entity")
    assert schema.source == "schema.cedarschema"
    warned = caseward.diagnose('@id("p") permit (principal == School::"x", action, resource);')
    assert warned and all(problem.severity == "warning" for problem in warned)
    formatted = caseward.format('permit(principal,action,resource)when{1<2};')
    assert formatted == caseward.format(formatted) and formatted.endswith(";\n")


def test_wards_load_from_folders_and_texts(ward: Ward, root: Path, tmp_path: Path) -> None:
    assert Ward.from_folder(root / "policies").policy_hash == ward.policy_hash
    assert Ward.from_folder(str(root / "policies")).policy_hash == ward.policy_hash
    with pytest.raises(caseward.ReadError, match="cannot read"):
        Ward.from_folder(tmp_path / "nothing")
    with pytest.raises(caseward.PolicyError) as refused:
        Ward.from_sources("permit")
    assert refused.value.problems and isinstance(refused.value, caseward.CasewardError)
    assert caseward.CasewardError.problems == ()


def test_worlds_are_read_from_text_bytes_and_files(ward: Ward, sample: World, tmp_path: Path) -> None:
    text = sample.to_json()
    path = tmp_path / "world.json"
    path.write_text(text, encoding="utf-8")

    # The world's order is that in which ids are first named.
    def entities(world: World) -> list[str]:
        return sorted(line.rstrip(",") for line in world.to_json().splitlines())

    for source in (text, text.encode(), bytearray(text.encode()), path):
        assert entities(World.from_json(ward, source)) == entities(sample)
    with pytest.raises(FileNotFoundError):
        World.from_json(ward, tmp_path / "nothing")
    with pytest.raises(TypeError, match="expected JSON"):
        World.from_json(ward, 3)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    opened = World.from_bytes(ward, sample.to_bytes())
    assert opened.to_json() == text and opened.version == sample.version
    with pytest.raises(caseward.SnapshotError, match="it does not begin as one"):
        World.from_bytes(ward, b"x")


def test_data_of_another_schema_is_refused(ward: Ward, clinic: Ward, sample: World) -> None:
    with pytest.raises(caseward.SchemaError, match="another schema"):
        clinic.check(sample, ("Clinic::Staff", "s"), "open", ("Clinic::Ward", "w"), {"code": 1})
    with pytest.raises(caseward.SchemaError):
        World.from_bytes(clinic, sample.to_bytes())


def test_columns_are_what_single_values_are(ward: Ward, sample: World) -> None:
    for type in ("Case", "User", "School", "Item"):
        ids, columns = sample.columns(type)
        assert ids == sample.ids(type)
        for at, id in list(enumerate(ids))[:50]:
            whole = sample.attributes((type, id)) or {}
            assert {name: column[at] for name, column in columns.items() if column[at] is not None} == whole
    ids, columns = sample.columns("Case", ["status", "caseManager"])
    assert list(columns) == ["status", "caseManager"] and all(len(column) == len(ids) for column in columns.values())
    assert sample.columns("Case", []) == (ids, {})
    # No list is the same as another's.
    shared = sample.columns("Case", ["team"])[1]["team"]
    assert all(isinstance(team, frozenset) for team in shared)


def test_a_zone_is_taken_as_python_has_it(ward: Ward, sample: World) -> None:
    lengths = {user: ward.count(sample, ("User", user), "viewSummary", "Case", now=NOW) for user in sample.ids("User")}
    national = ("User", max(lengths, key=lambda user: lengths[user]))

    def rows(zone: Any) -> list[dict[str, Any]]:
        table = ward.count_by(sample, national, "viewSummary", "Case", "day of openedAt", zone=zone, now=NOW)
        return table.to_rows()

    auckland = rows("NZST-12NZDT,M9.5.0,M4.1.0/3")
    assert rows(ZoneInfo("Pacific/Auckland")) == auckland == rows(None)
    assert rows(ZoneInfo("America/New_York")) == rows("EST5EDT,M3.2.0,M11.1.0") != auckland
    assert rows(ZoneInfo("Asia/Kathmandu")) == rows(dt.timezone(dt.timedelta(hours=5, minutes=45)))
    assert rows(dt.UTC) == rows(ZoneInfo("UTC")) == rows("UTC")
    assert rows(dt.timezone(-dt.timedelta(hours=9, minutes=30))) == rows(ZoneInfo("Pacific/Marquesas"))
    for wrong in (3, dt.timedelta(hours=12)):
        with pytest.raises(TypeError, match="zone: expected a ZoneInfo"):
            rows(wrong)


def test_html_has_a_cell_for_each_group_and_no_json(ward: Ward, sample: World) -> None:
    lengths = {user: ward.count(sample, ("User", user), "viewSummary", "Case", now=NOW) for user in sample.ids("User")}
    national = ("User", max(lengths, key=lambda user: lengths[user]))
    table = ward.count_by(sample, national, "viewSummary", "Case", ["status", "year of openedAt"], now=NOW)
    html = table._repr_html_()
    assert html.startswith("<table><thead><tr><th>status</th><th>year of openedAt</th><th>count</th></tr>")
    row = table.cells[0]
    assert "".join(f"<td>{value}</td>" for value in (*row.keys, row.count)) in html
    for case in sample.ids("Case")[:20]:
        view = ward.view(sample, national, ("Case", case), now=NOW)
        shown = view._repr_html_()
        assert "__extn" not in shown and "__entity" not in shown and "{" not in shown
        opened = [field.value for section in view.sections for field in section.fields if field.name == "openedAt"]
        assert all(str(value) in shown for value in opened)


def test_a_file_that_is_not_there_is_an_error_of_python(ward: Ward, tmp_path: Path) -> None:
    missing = tmp_path / "none.json"
    with pytest.raises(FileNotFoundError) as refused:
        World.from_json(ward, missing)
    assert refused.value.errno == errno.ENOENT and Path(str(refused.value.filename)) == missing
    assert refused.value.strerror == os.strerror(errno.ENOENT)
    (tmp_path / "folder").mkdir()
    with pytest.raises((IsADirectoryError, PermissionError, caseward.ReadError)):
        World.from_json(ward, tmp_path / "folder")
