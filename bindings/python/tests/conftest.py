"""What the tests share: policies, data and the command, which is the same library without Python."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest

from caseward import Ward, World
from native import Native

pytest_plugins = ["pytester"]

ROOT = Path(__file__).resolve().parents[3]

# The same cases on every machine; `CASEWARD_CASES` makes more of them.
_TIMES = int(os.environ.get("CASEWARD_CASES", "1"))
hypothesis.settings.register_profile(
    "caseward",
    max_examples=25 * _TIMES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.data_too_large],
)
hypothesis.settings.load_profile("caseward")


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def ward() -> Ward:
    return Ward.attendance()


@pytest.fixture(scope="session")
def clinic() -> Ward:
    """A second domain, with hierarchies, tags, records, decimals and addresses."""
    return Ward.from_folder(ROOT / "core/tests/clinic")


@pytest.fixture(scope="session")
def sample(ward: Ward) -> World:
    """Made-up data that no test changes."""
    return World.sample(ward, cases=300, seed=7)


@pytest.fixture(scope="session")
def native() -> Native:
    return Native(ROOT)
