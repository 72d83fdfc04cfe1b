"""The types are part of the interface: the stubs say what the module has, and uses of it check."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest

import caseward

HERE = Path(__file__).parent
PROJECT = HERE.parent


def run(*args: str, cwd: Path = PROJECT) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", *args], capture_output=True, text=True, cwd=cwd, check=False)


def test_stubs_are_what_the_module_has() -> None:
    known = ["--allowlist", str(HERE / "stubtest-allowlist.txt")]
    done = run("mypy.stubtest", "caseward", "--concise", "--ignore-disjoint-bases", *known, cwd=HERE)
    assert done.returncode == 0, done.stdout + done.stderr


def test_pyright_takes_the_package_and_its_tests() -> None:
    done = run("pyright", "--outputjson", "--pythonpath", sys.executable, "tests", "python")
    found = json.loads(done.stdout)
    problems = [
        f"{d['file']}:{d['range']['start']['line'] + 1}: {d['message']}" for d in found["generalDiagnostics"]
    ]
    assert done.returncode == 0 and found["summary"]["filesAnalyzed"] > 5, "\n".join(problems)


def test_wrong_uses_are_found(tmp_path: Path) -> None:
    """A stub that takes anything would pass every other test."""
    wrong = [
        "ward.check(world, 3, 'viewSummary', ('Case', 'c'))",
        "ward.check(world, 'a', 'b', 'c', now='2026')",
        "ward.check_many(world, 'a', 'b', ('Case', 3))",
        "world.apply([])",
        "ward.check(world, 'a', 'b', 'c').allow",
        "Changes().set('a', 'b', None)",
        "Changes().set('a', 'b', 1.5)",
        "ward.list(world, 'a', 'b')",
        "EntityUid('a')",
        "_ = 1 if ward.check_many(world, 'a', 'b', ('Case', [])) else 2",
        "_ = 1 if ward.filter(world, 'a', 'b', 'c', Database(ward, 'sqlite')) else 2",
    ]
    path = tmp_path / "wrong.py"
    head = "from caseward import Changes, Database, EntityUid, Ward, World\ndef f(ward: Ward, world: World) -> None:\n"
    path.write_text(head + "".join(f"    {line}\n" for line in wrong), encoding="utf-8")
    done = run("pyright", "--outputjson", "--pythonpath", sys.executable, str(path), cwd=tmp_path)
    lines = {d["range"]["start"]["line"] - 2 for d in json.loads(done.stdout)["generalDiagnostics"]}
    assert lines == set(range(len(wrong)))


def test_everything_is_exported_and_described() -> None:
    native = importlib.import_module("caseward._caseward")
    public = {name for name in dir(native) if not name.startswith("_")} | {"__version__"}
    assert set(caseward.__all__) == public
    for name in caseward.__all__:
        value = getattr(caseward, name)
        assert name == "__version__" or inspect.getdoc(value), name
        if inspect.isclass(value):
            assert value.__module__ == "caseward"
            for member, found in vars(value).items():
                if not member.startswith("_") and member != "problems":
                    assert inspect.getdoc(found), f"{name}.{member}"


def docstrings() -> list[tuple[str, str]]:
    found = [("caseward", caseward.__doc__ or "")]
    found += [(name, inspect.getdoc(getattr(caseward, name)) or "") for name in caseward.__all__]
    return [(name, text) for name, text in found if ">>>" in text]


@pytest.mark.parametrize(("name", "text"), docstrings(), ids=lambda value: value if len(value) < 20 else "")
def test_code_in_docstrings_runs(name: str, text: str) -> None:
    test = doctest.DocTestParser().get_doctest(text, dict(vars(caseward)), name, None, None)
    results = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test)
    assert results.attempted > 0 and results.failed == 0


def test_the_package_imports_nothing_large() -> None:
    """Import is quick because it imports next to nothing; that is what is tested, not the clock."""
    code = "import sys; before = set(sys.modules); import caseward; print(sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert set(ast.literal_eval(done.stdout)) <= {"caseward", "caseward._caseward", "datetime", "_datetime"}
