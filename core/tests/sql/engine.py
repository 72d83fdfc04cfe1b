"""A database behind standard input and output: a line of JSON asks, a line of JSON answers.

`engine.py duckdb`, `engine.py spark`, `engine.py sqlite` and `engine.py mariadb`. A line is one of
{"create": [statement], "tables": [{"insert": statement, "rows": [[cell]]}]}: makes the tables anew and fills them;
{"query": text, "params": [parameter], "setup": [view]}: answers {"ids": [text]}, the first column;
{"plan": ...}, the same: answers {"plan": text}.
A cell or a parameter is {"type": ..., "value": ...} or null. What goes wrong is {"error": text}, and {"missing": text}
where there is no such database here.
"""

import atexit
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time


def plain(cell):
    return None if cell is None else cell["value"]


class DuckDb:
    def __init__(self):
        self.connection = None

    def fill(self, create, tables):
        import duckdb

        self.connection = duckdb.connect()
        for statement in create:
            self.connection.execute(statement)
        for table in tables:
            rows = [[plain(cell) for cell in row] for row in table["rows"]]
            if rows:
                self.connection.executemany(table["insert"], rows)

    def rows(self, query, params, setup):
        assert not setup
        return self.connection.execute(query, [plain(parameter) for parameter in params]).fetchall()


class Sqlite:
    def __init__(self):
        self.connection = None

    def fill(self, create, tables):
        import sqlite3

        self.connection = sqlite3.connect(":memory:")
        for statement in create:
            self.connection.execute(statement)
        for table in tables:
            rows = [[plain(cell) for cell in row] for row in table["rows"]]
            self.connection.executemany(table["insert"], rows)

    def rows(self, query, params, setup):
        assert not setup
        return self.connection.execute(query, [plain(parameter) for parameter in params]).fetchall()


class Spark:
    COLUMN = re.compile(r"^  `((?:[^`]|``)*)` ([A-Z]+)", re.MULTILINE)
    TABLE = re.compile(r"^CREATE TABLE `((?:[^`]|``)*)` ")

    def __init__(self):
        from pyspark.sql import SparkSession

        builder = SparkSession.builder.master("local[1]").appName("caseward")
        builder = builder.config("spark.ui.enabled", "false").config("spark.sql.shuffle.partitions", "1")
        # Arithmetic that overflows must not wrap where it would.
        builder = builder.config("spark.sql.ansi.enabled", "false")
        self.session = builder.getOrCreate()
        self.session.sparkContext.setLogLevel("OFF")

    def view(self, name, columns, rows):
        from pyspark.sql import types

        kinds = {"STRING": types.StringType(), "BIGINT": types.LongType(), "BOOLEAN": types.BooleanType()}
        fields = [types.StructField(column, kinds[kind]) for column, kind in columns]
        frame = self.session.createDataFrame([tuple(row) for row in rows], types.StructType(fields))
        frame.createOrReplaceTempView("`" + name.replace("`", "``") + "`")

    def fill(self, create, tables):
        rows = {}
        for table in tables:
            name = re.match(r"^INSERT INTO `((?:[^`]|``)*)` ", table["insert"]).group(1)
            rows[name] = [[plain(cell) for cell in row] for row in table["rows"]]
        for statement in create:
            name = self.TABLE.match(statement).group(1)
            columns = [(column.replace("``", "`"), kind) for column, kind in self.COLUMN.findall(statement)]
            self.view(name.replace("``", "`"), columns, rows.get(name, []))

    def rows(self, query, params, setup):
        for view in setup:
            columns = [(column["name"], column["type"]) for column in view["columns"]]
            self.view(view["view"], columns, [[plain(cell) for cell in row] for row in view["rows"]])
        args = {f"p{n}": plain(parameter) for n, parameter in enumerate(params, 1)}
        return self.session.sql(query, args=args).collect()


class MariaDb:
    """A server of its own, in a folder that goes with it; statements are prepared there, with their parameters."""

    def __init__(self):
        import mysql.connector

        install, server = shutil.which("mariadb-install-db"), shutil.which("mariadbd")
        if install is None or server is None:
            raise Missing("there is no mariadbd")
        self.connector = mysql.connector
        self.folder = tempfile.mkdtemp(prefix="caseward-mariadb-")
        atexit.register(self.close)
        data, self.socket = f"{self.folder}/data", f"{self.folder}/socket"
        me = ["--user=root"] if os.geteuid() == 0 else []
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        set_up = [install, "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal", *me]
        subprocess.run([*set_up, "--skip-test-db"], check=True, **quiet)
        # Nothing of it outlives the tests.
        fast = ["--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0", "--skip-log-bin"]
        here = [f"--datadir={data}", f"--socket={self.socket}", f"--pid-file={self.folder}/pid", "--skip-networking"]
        self.server = subprocess.Popen([server, "--no-defaults", *here, *fast, *me], **quiet)
        deadline = time.monotonic() + 60
        while True:
            try:
                self.connection = self.connect()
                return
            except self.connector.Error:
                if self.server.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def connect(self):
        # The collation of the connection is one without regard to case: what a filter compares by, it says itself.
        return self.connector.connect(
            user="root", unix_socket=self.socket, charset="utf8mb4", collation="utf8mb4_general_ci", autocommit=True
        )

    def close(self):
        server = getattr(self, "server", None)
        if server is not None:
            server.kill()
            server.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, statement, params=None, many=None):
        cursor = self.connection.cursor(prepared=True)
        try:
            if many is None:
                cursor.execute(statement, params or ())
            elif many:
                cursor.executemany(statement, many)
            return cursor.fetchall() if cursor.description else []
        finally:
            cursor.close()

    def fill(self, create, tables):
        for statement in ("DROP DATABASE IF EXISTS t", "CREATE DATABASE t"):
            self.run(statement)
        self.connection.database = "t"
        for statement in create:
            self.run(statement)
        self.run("START TRANSACTION")
        for table in tables:
            self.run(table["insert"], many=[[plain(cell) for cell in row] for row in table["rows"]])
        self.run("COMMIT")

    def rows(self, query, params, setup):
        assert not setup
        return self.run(query, [plain(parameter) for parameter in params])


class Missing(Exception):
    """What is not on this machine."""


ENGINES = {"duckdb": DuckDb, "spark": Spark, "sqlite": Sqlite, "mariadb": MariaDb}


def main():
    try:
        engine = ENGINES[sys.argv[1]]()
    except (Missing, ImportError) as missing:
        print(json.dumps({"missing": str(missing)}), flush=True)
        return
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            if "create" in asked:
                engine.fill(asked["create"], asked["tables"])
                answer = {}
            elif "plan" in asked:
                rows = engine.rows("EXPLAIN " + asked["plan"], asked["params"], asked["setup"])
                answer = {"plan": "\n".join(str(cell) for row in rows for cell in row)}
            else:
                rows = engine.rows(asked["query"], asked["params"], asked["setup"])
                # The connector gives what it knows no collation of as bytes.
                ids = [row[0].decode() if isinstance(row[0], bytes | bytearray) else row[0] for row in rows]
                answer = {"ids": ids}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


main()
