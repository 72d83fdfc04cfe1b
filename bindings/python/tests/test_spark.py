"""Frames of Spark, in the environment of the tests on databases, which has it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

import caseward

HERE = Path(__file__).parent


def spark_python() -> Path | None:
    """An interpreter that has pyspark: `make test` makes it for the part before this one."""
    named = os.environ.get("CASEWARD_SQL_PYTHON")
    made = Path(os.environ.get("CARGO_TARGET_DIR") or str(HERE / "../../../target")) / "sql-python/bin/python"
    found = Path(named) if named else made
    return found if found.exists() and shutil.which("java") else None


def test_frames_of_spark_are_joined_with_ids(tmp_path: Path) -> None:
    python = spark_python()
    if python is None:
        assert os.environ.get("CASEWARD_REQUIRE_ALL") != "1", "neither Java nor an interpreter with pyspark"
        pytest.skip("there is no Java, or no interpreter with pyspark: `.ci/parts sql` makes one")
    package = Path(caseward.__file__).parent
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/caseward").symlink_to(package)
    paths = os.pathsep.join([str(tmp_path / "lib"), str(HERE)])
    done = subprocess.run(
        [python, str(HERE / "spark.py")],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": paths},
        check=False,
    )
    assert done.returncode == 0 and done.stdout.strip().endswith("as check decides"), done.stdout + done.stderr
