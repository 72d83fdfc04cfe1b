"""The pytest plugin, and the strategies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from caseward import Ward, World
from caseward.testing import requests, values, worlds

CASES = """
now = "2026-05-11T09:00:00+12:00"
[world.School.northcote]
kind = "state"
[world.User.aroha]
loginActive = true
attendanceLeadAt = ["northcote"]
[world.Student.tama]
nsn = "1"
enrolledAt = "northcote"
[world.Case.c1]
student = "tama"
status = "open"
openedAt = "2026-03-02T10:00:00+13:00"

[[case]]
name = "an attendance lead sees the header"
principal = "User.aroha"
action = "viewSummary"
resource = "Case.c1"
expect = "allow"
policies = ["school.S1"]

[[case]]
name = "an attendance lead sees the record"
principal = "User.aroha"
action = "viewRecord"
resource = "Case.c1"
expect = "allow"
"""


@pytest.fixture
def folder(pytester: pytest.Pytester) -> Path:
    cases = pytester.mkdir("cases")
    (cases / "leads.toml").write_text(CASES, encoding="utf-8")
    # Not of the folder: no case.
    (pytester.path / "other.toml").write_text("x", encoding="utf-8")
    return cases


def test_cases_run_as_tests_with_readable_failures(pytester: pytest.Pytester, folder: Path) -> None:
    result = pytester.runpytest_inprocess("--caseward-cases", str(folder), "-p", "no:cacheprovider")
    result.assert_outcomes(passed=1, failed=1)
    text = result.stdout.str()
    assert "leads.toml: an attendance lead sees the record" in text
    assert "expected allow, got deny" in text and "came nearest" in text
    # Readable: no traceback of ours.
    assert "Traceback" not in text and "testing.py" not in text


def test_cases_are_named_by_the_ini_file_and_chosen_by_name(pytester: pytest.Pytester, folder: Path) -> None:
    pytester.makeini("[pytest]\ncaseward_cases = cases\n")
    pytester.runpytest_inprocess().assert_outcomes(passed=1, failed=1)
    pytester.runpytest_inprocess("-k", "header").assert_outcomes(passed=1, deselected=1)
    pytester.runpytest_inprocess(folder).assert_outcomes(passed=1, failed=1)
    pytester.makepyfile(test_x="def test_x(): pass")
    pytester.runpytest_inprocess("test_x.py").assert_outcomes(passed=1)


def test_cases_in_json_are_run_by_their_folder(pytester: pytest.Pytester, folder: Path) -> None:
    request = {"principal": 'User::"u"', "action": "viewSummary", "resource": 'Case::"c"'}
    absent = [request["principal"], request["resource"]]
    text = json.dumps({"now": "2026-05-11T09:00:00+12:00", "request": request, "entities": [], "absent": absent})
    for name in ("ALLOW", "DENY"):
        (folder / name).mkdir()
        (folder / name / f"nobody sees nothing, {name}.json").write_text(text, encoding="utf-8")
    result = pytester.runpytest_inprocess("--caseward-cases", "cases")
    result.assert_outcomes(passed=2, failed=2)


@pytest.mark.parametrize("name", ["more.TOML", "more.toml.bak", "more.json", "allow/x.json"])
def test_what_looks_like_a_case_is_run_or_told(pytester: pytest.Pytester, folder: Path, name: str) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(CASES, encoding="utf-8")
    result = pytester.runpytest_inprocess("--caseward-cases", "cases")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*{Path(name).parts[0]}*"])


@pytest.mark.parametrize("folder_name", ["build", "dist", "node_modules", "venv"])
@pytest.mark.parametrize("by", ["option", "ini", "ini above"])
def test_cases_are_found_whatever_their_folder_is_called(
    pytester: pytest.Pytester, folder: Path, by: str, folder_name: str
) -> None:
    hidden = folder / "more" / folder_name
    (hidden / "in it").mkdir(parents=True)
    (hidden / "in it" / "leads.toml").write_text(CASES, encoding="utf-8")
    # What pytest passes over there is passed over still.
    (hidden / "test_hidden.py").write_text("def test_hidden(): assert False", encoding="utf-8")
    named = {"option": None, "ini": f"cases/leads.toml\n cases/more/{folder_name}", "ini above": "cases"}[by]
    pytester.makeini("[pytest]\n" + ("" if named is None else f"caseward_cases = {named}"))
    pytester.runpytest_inprocess(*(["--caseward-cases", "cases"] if named is None else [])).assert_outcomes(
        passed=2, failed=2
    )
    ignored = pytester.runpytest_inprocess("--caseward-cases", "cases", "--ignore", f"cases/more/{folder_name}")
    ignored.assert_outcomes(passed=1, failed=1)


def test_cases_that_are_not_collected_are_an_error(pytester: pytest.Pytester, folder: Path) -> None:
    pytester.makeini("[pytest]\ncaseward_cases = cases\n")
    pytester.makeconftest("collect_ignore = ['cases/leads.toml']\n")
    result = pytester.runpytest_inprocess()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*were named and not collected: `*leads.toml`*"])


@pytest.mark.parametrize("by", ["option", "ini"])
@pytest.mark.parametrize("path", ["casse", "empty", "other.txt"])
def test_cases_that_are_not_there_are_an_error(
    pytester: pytest.Pytester, folder: Path, by: str, path: str
) -> None:
    pytester.mkdir("empty")
    pytester.makefile(".txt", other="x")
    pytester.makepyfile(test_x="def test_x(): pass")
    args = ["--caseward-cases", path] if by == "option" else []
    pytester.makeini("[pytest]\ncaseward_cases = " + ("cases" if by == "option" else f"cases {path}"))
    # Also where other tests alone are asked for.
    for asked in ([], ["test_x.py"]):
        result = pytester.runpytest_inprocess(*args, *asked)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        assert path in result.stderr.str() and "passed" not in result.stdout.str()


def test_policies_of_ones_own(pytester: pytest.Pytester, folder: Path) -> None:
    policies = pytester.mkdir("policies")
    schema = (Path(__file__).parents[3] / "policies/schema.cedarschema").read_text(encoding="utf-8")
    (policies / "schema.cedarschema").write_text(schema, encoding="utf-8")
    (policies / "all.cedar").write_text('@id("all") permit (principal, action, resource);', encoding="utf-8")
    record = '@id("school.S1") permit (principal, action == Action::"viewRecord", resource);'
    (policies / "school").mkdir()
    (policies / "school" / "S1.cedar").write_text(record, encoding="utf-8")
    result = pytester.runpytest_inprocess("--caseward-cases", "cases", "--caseward-policies", "policies")
    result.assert_outcomes(passed=1, failed=1)
    assert "expected policies `school.S1` to decide, got `all`" in result.stdout.str()
    (policies / "all.cedar").write_text("permit", encoding="utf-8")
    result = pytester.runpytest_inprocess("--caseward-cases", "cases", "--caseward-policies", "policies")
    result.assert_outcomes(errors=1)
    assert "the policies cannot be used" in result.stdout.str()


def test_a_file_that_is_no_file_of_cases(pytester: pytest.Pytester, folder: Path) -> None:
    (folder / "leads.toml").write_text('[[case]]\nname = "x"\n', encoding="utf-8")
    result = pytester.runpytest_inprocess("--caseward-cases", "cases")
    result.assert_outcomes(errors=1)
    assert "the data cannot be used" in result.stdout.str() and "Traceback" not in result.stdout.str()


@given(data=st.data())
def test_requests_can_be_asked_and_some_name_what_is_absent(clinic: Ward, data: st.DataObject) -> None:
    world = data.draw(worlds(clinic))
    request = data.draw(requests(clinic, world, action="open"))
    assert request.action == 'Clinic::Action::"open"' and set(request.context) == {"code"}
    clinic.check(world, *request)


def test_every_action_and_both_decisions_are_drawn(clinic: Ward) -> None:
    def drawn(wanted: Any) -> None:
        @st.composite
        def pairs(draw: st.DrawFn) -> tuple[World, Any]:
            world = draw(worlds(clinic, most=2))
            return world, draw(requests(clinic, world))

        # As drawn: to make it small is not what is tested.
        once = settings(phases=[Phase.generate], max_examples=500)
        find(pairs(), lambda pair: wanted(clinic.check(pair[0], *pair[1])), settings=once)

    drawn(lambda answer: answer.allowed)
    drawn(lambda answer: not answer.allowed and not answer.errors)
    drawn(lambda answer: any("is not in the data" in error for error in answer.errors))
    drawn(lambda answer: any("could not be evaluated" in error for error in answer.errors))


@pytest.mark.parametrize(("domain", "errors"), [("ward", 0), ("clinic", 10)])
def test_requests_reach_allows_and_errors(request: pytest.FixtureRequest, domain: str, errors: int) -> None:
    """`assert not ward.check(...)` is no empty promise: a share is allowed; and in error, where policies count."""
    own: Ward = request.getfixturevalue(domain)
    came: list[str] = []

    @settings(phases=[Phase.generate], max_examples=200)
    @given(data=st.data())
    def draw(data: st.DataObject) -> None:
        world = data.draw(worlds(own))
        answer = own.check(world, *data.draw(requests(own, world)))
        failed = any("could not be evaluated" in error for error in answer.errors)
        came.append("failed" if failed else "allowed" if answer.allowed else "denied")

    draw()
    # One in four, and one in twenty.
    assert len(came) >= 200 and came.count("allowed") >= 50, came
    assert came.count("failed") >= errors and came.count("denied") >= 20, came


def test_what_policies_name_is_drawn(clinic: Ward) -> None:
    assert {str(uid) for uid in clinic.named()} == {
        'Clinic::Colour::"green"', 'Clinic::Colour::"red"', 'Clinic::Team::"0"', 'Clinic::Team::"1"',
        'Clinic::Ward::"0"', 'Clinic::Ward::"1"',
    }  # fmt: skip
    there: list[int] = []

    @settings(phases=[Phase.generate], max_examples=50)
    @given(world=worlds(clinic))
    def draw(world: World) -> None:
        there.append(sum(uid in world for uid in clinic.named() if uid.type != "Clinic::Colour"))

    draw()
    assert sum(there) >= 20, there


@given(data=st.data())
def test_values_are_of_their_type(clinic: Ward, data: st.DataObject) -> None:
    schema = clinic.schema
    staff = schema.entity_type("Clinic::Staff").attributes
    there = {ty.name: ["a", "b"] for ty in schema.entity_types}
    drawn = {name: data.draw(values(attribute.type, there)) for name, attribute in staff.items()}
    assert isinstance(drawn["level"], int) and drawn["boss"].id in ("a", "b")
    assert abs(drawn["rate"]) <= 2**63
