"""A PostgreSQL of the tests' own, which goes with them."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

# Whoever owns nothing: the server does not run as root.
NOBODY = 65_534


def programs() -> Path | None:
    """Where the programs are: in the folder that `CASEWARD_POSTGRES` names, where Debian has them, or in the path."""
    named = [Path(os.environ["CASEWARD_POSTGRES"])] if "CASEWARD_POSTGRES" in os.environ else []
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    path = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep)]
    all_folders = [*named, *debian, *path]
    return next((at for at in all_folders if (at / "initdb").exists() and (at / "postgres").exists()), None)


@contextmanager
def server() -> Iterator[str]:
    """The address of a server; the test is skipped where there is none, and fails where all is required."""
    found = programs()
    if found is None:
        why = "there is no PostgreSQL: CASEWARD_POSTGRES names the folder of its programs"
        if os.environ.get("CASEWARD_REQUIRE_ALL") == "1":
            pytest.fail(why)
        pytest.skip(why)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tempfile.mkdtemp(prefix="caseward-postgres-")
    who: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    if who:
        os.chown(folder, NOBODY, NOBODY)
    quiet: dict[str, Any] = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **who}
    data = f"{folder}/data"
    running = None
    try:
        make = [str(found / "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(make, check=True, **quiet)
        only = ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off"]
        running = subprocess.Popen([str(found / "postgres"), "-D", data, "-p", str(port), *only], **quiet)
        wait(port, running)
        yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
    finally:
        if running is not None:
            running.kill()
            running.wait()
        shutil.rmtree(folder, ignore_errors=True)


def wait(port: int, running: subprocess.Popen[Any]) -> None:
    """Until it answers."""
    import psycopg

    deadline = time.monotonic() + 60
    while True:
        try:
            psycopg.connect(host="127.0.0.1", port=port, user="postgres", dbname="postgres").close()
            return
        except psycopg.OperationalError:
            assert running.poll() is None and time.monotonic() < deadline, "the server does not start"
            time.sleep(0.1)
