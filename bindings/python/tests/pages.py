"""The code of pages: found, and run."""

from __future__ import annotations

import re
from pathlib import Path

PROJECT = Path(__file__).parent.parent
DATA = PROJECT / "../../examples/data"


def run(blocks: list[tuple[int, str]], of: Path) -> dict[str, object]:
    """Runs blocks of code one after the other, each with the line on which it stands."""
    names: dict[str, object] = {"__name__": "readme"}
    for line, block in blocks:
        # Errors name the line of the page.
        exec(compile("\n" * line + block, str(of), "exec"), names)
    return names


def blocks_of(page: Path) -> list[tuple[int, str]]:
    text = page.read_text(encoding="utf-8")
    found = re.finditer(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [(text[: block.start(1)].count("\n"), block[1]) for block in found]
