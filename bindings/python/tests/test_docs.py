"""The Python of the READMEs runs, from its first line to its last."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent


@pytest.mark.parametrize(("readme", "least"), [(PROJECT / "README.md", 5), (PROJECT / "../../README.md", 1)])
def test_the_code_of_the_readme_runs(readme: Path, least: int) -> None:
    text = readme.read_text(encoding="utf-8")
    blocks = list(re.finditer(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE))
    assert len(blocks) >= least
    names: dict[str, object] = {"__name__": "readme"}
    for block in blocks:
        # Errors name the line of the README.
        lines = "\n" * text[: block.start(1)].count("\n") + block[1]
        exec(compile(lines, str(readme), "exec"), names)
