"""The command `caseward`: what the same library says without Python."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path


class Native:
    def __init__(self, root: Path) -> None:
        target = Path(os.environ.get("CARGO_TARGET_DIR", root / "target"))
        self.command = Path(os.environ.get("CASEWARD_COMMAND", target / "debug/caseward"))
        assert self.command.exists(), f"{self.command} is not there: `cargo build -p caseward-cli`"

    def run(self, *args: str | Path, input: bytes = b"", codes: Iterable[int] = (0, 2)) -> bytes:
        done = subprocess.run([self.command, *args], input=input, capture_output=True, check=False)
        assert done.returncode in codes, f"{args}: {done.returncode}\n{done.stderr.decode()}"
        return done.stdout

    def check(
        self, data: bytes, requests: list[str], *args: str | Path, codes: Iterable[int] = (0,)
    ) -> list[str]:
        """An answer a request, as one line of JSON each; code 1 says that some could not be asked."""
        with tempfile.TemporaryDirectory() as folder:
            entities = Path(folder) / "world"
            entities.write_bytes(data)
            lines = "".join(f"{request}\n" for request in requests).encode()
            flags = ["--entities", entities, "--requests", "-", "--format", "json"]
            return self.run("check", *args, *flags, input=lines, codes=codes).decode().split("\n")[:-1]

    def ask(self, verb: str, data: bytes, *args: str | Path) -> str:
        """One question to `explain`, `actions` or `list`, as JSON."""
        with tempfile.TemporaryDirectory() as folder:
            entities = Path(folder) / "world"
            entities.write_bytes(data)
            return self.run(verb, "--entities", entities, "--format", "json", *args).decode().rstrip("\n")


def compact(value: object) -> str:
    """JSON as serde writes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
