"""A database behind standard input and output: a line of JSON asks, a line of JSON answers.

`engine.py duckdb`, `engine.py spark` and `engine.py sqlite`. A line is one of
{"create": [statement], "tables": [{"insert": statement, "rows": [[cell]]}]}: makes the tables anew and fills them;
{"query": text, "params": [parameter], "setup": [view]}: answers {"ids": [text]}, the first column;
{"plan": ...}, the same: answers {"plan": text}.
A cell or a parameter is {"type": ..., "value": ...} or null. What goes wrong is {"error": text}.
"""

import json
import re
import sys


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


def main():
    engine = {"duckdb": DuckDb, "spark": Spark, "sqlite": Sqlite}[sys.argv[1]]()
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
                answer = {"ids": [row[0] for row in rows]}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


main()
