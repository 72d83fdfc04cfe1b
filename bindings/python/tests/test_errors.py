"""Errors carry the library's own text: what the command prints is what an exception says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import caseward
from caseward import Ward, World
from native import Native

REQUESTS = [
    {"principal": 'User::"u00001"', "action": "viewSumary", "resource": 'Case::"c0000001"'},
    {"principal": 'Case::"c0000001"', "action": "viewSummary", "resource": 'Case::"c0000001"'},
    {"principal": 'User::"u00001"', "action": "viewSummary", "resource": 'User::"u00001"'},
    {"principal": 'User::"u00001"', "action": "uploadFile", "resource": 'Case::"c0000001"', "context": {}},
    {"principal": "User", "action": "viewSummary", "resource": 'Case::"c0000001"', "context": {}},
    {
        "principal": 'User::"u00001"',
        "action": "uploadFile",
        "resource": 'Case::"c0000001"',
        "context": {"sizeBytes": "x"},
    },
    {
        "principal": 'User::"u00001"',
        "action": "viewSummary",
        "resource": 'Case::"c0000001"',
        "context": {"n0w": 1},
    },
]


@pytest.mark.parametrize("request_", REQUESTS, ids=range(len(REQUESTS)))
def test_requests_are_refused_in_the_same_words(
    ward: Ward, sample: World, native: Native, request_: dict[str, object]
) -> None:
    context = json.dumps(request_.get("context", {}))
    with pytest.raises(caseward.RequestError) as refused:
        ward.check(
            sample, str(request_["principal"]), str(request_["action"]), str(request_["resource"]), context
        )
    assert refused.value.problems == ()
    [answer] = native.check(sample.to_bytes(), [json.dumps(request_)], codes=[1])
    assert json.loads(answer)["errors"] == [str(refused.value)]


def test_problems_of_policies_are_the_same_bytes(native: Native, tmp_path: Path, root: Path) -> None:
    schema = (root / "policies/schema.cedarschema").read_text(encoding="utf-8")
    texts = {
        "a.cedar": '@id("a") permit (principal, action, resource) when { x };',
        "b/c.cedar": '@id("c") permit (principal, action, resource);',
        "d.cedar": "permit (principal, action, resource);",
        "e.cedar": '@id("e") permit (principal is User, action, resource) when { principal.nothing };',
    }
    (tmp_path / "b").mkdir()
    (tmp_path / "schema.cedarschema").write_text(schema, encoding="utf-8")
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    for left_out in ([], ["a.cedar", "b/c.cedar", "d.cedar"], ["a.cedar"]):
        for name in left_out:
            (tmp_path / name).unlink(missing_ok=True)
        kept = {name: texts[name] for name in sorted(texts) if (tmp_path / name).exists()}
        ours = [problem.to_json() for problem in caseward.diagnose(kept, schema=schema)]
        theirs = native.run("validate", "--policies", tmp_path, "--format", "json", codes=[3]).decode()
        # The command knows the files besides.
        for name in kept:
            theirs = theirs.replace(f',"file":{json.dumps(str(tmp_path / name))}', "")
        assert "[" + ",".join(ours) + "]\n" == theirs and ours


def test_problems_of_data_are_the_same_bytes(ward: Ward, native: Native, tmp_path: Path) -> None:
    bad = [
        {"uid": {"type": "School", "id": "a"}, "attrs": {"kind": 1}, "parents": []},
        {"uid": {"type": "Provider", "id": "b"}, "attrs": {"kind": "asp", "x": 1}, "parents": []},
        {"uid": {"type": "Nothing", "id": "c"}, "attrs": {}, "parents": []},
    ]
    dangling = [
        {
            "uid": {"type": "Provider", "id": "b"},
            "attrs": {"kind": "isp", "school": {"type": "School", "id": "none"}},
            "parents": [],
        }
    ]
    path = tmp_path / "world.json"
    for entities in (bad, dangling):
        path.write_text(json.dumps(entities), encoding="utf-8")
        with pytest.raises(caseward.DataError) as refused:
            World.from_json(ward, path)
        ours = [problem.to_json() for problem in refused.value.problems]
        theirs = native.run("validate", "--entities", path, "--format", "json", codes=[1]).decode()
        # The command knows the file besides.
        assert "[" + ",".join(ours) + "]\n" == theirs.replace(f',"file":{json.dumps(str(path))}', "") and ours
        assert theirs.count('"file":') == len(ours)
        numbers = [problem.entity for problem in refused.value.problems if problem.line is not None]
        assert numbers == ([1, 2, 3] if entities is bad else [])
        assert all(problem.message in str(refused.value) for problem in refused.value.problems)
