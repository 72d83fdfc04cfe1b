"""The Python of the READMEs and of the pages for data teams runs, from its first line to its last."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pages import DATA, PROJECT, blocks_of, run

# Spark's page needs a session, and Java: `test_spark.py` runs it.
PAGES = [(PROJECT / "README.md", 5), (PROJECT / "../../README.md", 1)]
PAGES += [(DATA / "release.md", 1), (DATA / "trusted.md", 2)]
PAGES += [(DATA / f"{name}.md", 3) for name in ("polars", "pandas", "duckdb", "sql")] + [(DATA / "README.md", 1)]


@pytest.mark.parametrize(("page", "least"), PAGES, ids=lambda value: str(value)[-20:])
def test_the_code_of_the_pages_runs(page: Path, least: int) -> None:
    blocks = blocks_of(page)
    assert len(blocks) >= least
    run(blocks, page)


def test_the_walk_through_runs_and_shows_what_it_finds() -> None:
    notebook = json.loads((DATA / "walk-through.ipynb").read_text(encoding="utf-8"))
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert len(cells) >= 8 and all(not cell.get("outputs") for cell in notebook["cells"])
    names = run([(0, cell) for cell in cells], DATA / "walk-through.ipynb")
    # What a notebook shows of the library's own values is made for it.
    for name in ("mask", "cases", "table"):
        shown: Any = names[name]
        assert "<table" in shown._repr_html_()
