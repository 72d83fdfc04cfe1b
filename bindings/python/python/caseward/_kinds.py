"""Kinds of frames: how each gives its columns, and how it is put together again.

No library of frames is imported that the caller has not imported: what a frame is of is told by its type's module.
"""

from __future__ import annotations

import importlib
import importlib.util
import itertools
import sys
from typing import TYPE_CHECKING, Any

from caseward import _caseward

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ._frames import How, Question

# Its functions that are for these modules alone begin with an underscore.
native: Any = _caseward

# Of the names that relations of DuckDB are given.
COUNT = itertools.count()


class Kind:
    """Anything with `__arrow_c_stream__`, which gives batches back."""

    def stream(self, frame: Any) -> Any:
        """What has `__arrow_c_stream__`."""
        return frame

    def some(self, frame: Any, names: list[str]) -> Any:
        """As `stream`, of a frame with these columns; it may have more."""
        return self.stream(frame)

    def columns(self, frame: Any, names: list[str]) -> dict[str, Any]:
        table = self._arrow().table(frame)
        return Arrow().columns(table, names)

    def keep(self, frame: Any, question: Question) -> Any:
        if question.is_column:
            table = self._arrow().table(frame)
            return native._chosen(table, question.mask(table))
        return question.kept(frame)

    def redact(self, frame: Any, question: Question, how: How) -> Any:
        return question.redacted(lambda: frame, how)

    def _arrow(self) -> Any:
        return importlib.import_module("pyarrow")


class Arrow(Kind):
    """Tables and batches of pyarrow."""

    def columns(self, frame: Any, names: list[str]) -> dict[str, Any]:
        one(frame.schema.names, names)
        return {name: frame.column(frame.schema.get_field_index(name)) for name in names}

    def keep(self, frame: Any, question: Question) -> Any:
        if not question.is_column:
            return self._like(frame, question.kept(frame))
        return self._like(frame, native._chosen(frame, question.mask(frame)))

    def redact(self, frame: Any, question: Question, how: How) -> Any:
        return self._like(frame, question.redacted(lambda: frame, how))

    def _like(self, frame: Any, batches: Any) -> Any:
        table = self._arrow().table(batches)
        if isinstance(frame, self._arrow().RecordBatch):
            whole = table.combine_chunks().to_batches()
            return whole[0] if whole else self._arrow().RecordBatch.from_pylist([], schema=table.schema)
        return table


class Stream(Kind):
    """Readers of pyarrow, which are read once: batch by batch, as they are asked for."""

    def columns(self, frame: Any, names: list[str]) -> dict[str, Any]:
        return Arrow().columns(frame.read_all(), names)

    def keep(self, frame: Any, question: Question) -> Any:
        if question.is_column:
            return Arrow().keep(frame.read_all(), question).to_reader()
        return self._arrow().RecordBatchReader.from_stream(question.kept(frame))

    def redact(self, frame: Any, question: Question, how: How) -> Any:
        if how.by:
            raise native.DataError(
                "a stream is read once, and `by` looks through all rows before any is shown: read it into a table"
            )
        return self._arrow().RecordBatchReader.from_stream(question.redacted(lambda: frame, how))


class Polars(Kind):
    """Frames of polars, lazy or not."""

    def stream(self, frame: Any) -> Any:
        return frame.collect() if isinstance(frame, sys.modules["polars"].LazyFrame) else frame

    def some(self, frame: Any, names: list[str]) -> Any:
        if isinstance(frame, sys.modules["polars"].LazyFrame):
            one(frame.collect_schema().names(), names)
            return frame.select(names).collect()
        return frame

    def columns(self, frame: Any, names: list[str]) -> dict[str, Any]:
        polars = sys.modules["polars"]
        if isinstance(frame, polars.LazyFrame):
            one(frame.collect_schema().names(), names)
            frame = frame.select(names).collect()
        one(frame.columns, names)
        return {name: frame.get_column(name) for name in names}

    def keep(self, frame: Any, question: Question) -> Any:
        polars = sys.modules["polars"]
        if not isinstance(frame, polars.LazyFrame):
            return frame.filter(polars.Series(question.mask(frame)))
        schema = frame.collect_schema()
        one(schema.names(), [question.id])
        if not question.is_column and schema[question.id] == polars.String:
            ids = polars.LazyFrame(question.ids())
            return frame.join(ids, on=question.id, how="semi", maintain_order="left")
        if question.has_people and isinstance(question.principal, tuple):
            raise native.DataError(
                "a lazy frame has no rows yet to stand beside a column of ids: name a column of it, as "
                'Column("User", "worker")'
            )
        names = question.names()
        one(schema.names(), names)

        def decided(columns: Any) -> Any:
            return polars.Series(question.mask(columns.struct.unnest()))

        rows = polars.struct(names).map_batches(decided, return_dtype=polars.Boolean, is_elementwise=True)
        return frame.filter(rows)

    def redact(self, frame: Any, question: Question, how: How) -> Any:
        polars = sys.modules["polars"]
        if not isinstance(frame, polars.LazyFrame):
            return polars.DataFrame(question.redacted(lambda: frame, how))
        if how.by:
            native._redacted(
                question.ward, question.world, frame.collect(), question.principal, question.asked, how, True
            )

        def redacted(rows: Any) -> Any:
            return polars.DataFrame(question.redacted(lambda: rows, how._replace(by=[])))

        # What comes out is told by what comes of no rows.
        empty = redacted(polars.DataFrame(schema=frame.collect_schema()))
        return frame.map_batches(
            redacted,
            schema=empty.schema,
            streamable=True,
            predicate_pushdown=False,
            projection_pushdown=False,
            slice_pushdown=False,
        )


class Pandas(Kind):
    """Frames of pandas: rows stay under their index."""

    def some(self, frame: Any, names: list[str]) -> Any:
        one(list(frame.columns), names)
        try:
            return self._arrow().Table.from_pandas(frame[names], preserve_index=False)
        except self._arrow().ArrowException as error:
            raise native.DataError(f"the frame's columns are no columns of Arrow: {error}") from error

    def columns(self, frame: Any, names: list[str]) -> dict[str, Any]:
        one(list(frame.columns), names)
        return {name: self._ids(frame[name]) for name in names}

    def _ids(self, column: Any) -> Any:
        # What is of Python's own objects is looked at one by one, so that an error can name the row.
        if column.dtype == object:
            return column.tolist()
        if str(column.dtype) in ("str", "string") or "pyarrow" in sys.modules:
            return column if hasattr(column, "__arrow_c_stream__") and self._has_arrow() else column.tolist()
        return column.tolist()

    def _has_arrow(self) -> bool:
        # pandas asks it for the interface.
        return importlib.util.find_spec("pyarrow") is not None

    def keep(self, frame: Any, question: Question) -> Any:
        return self._compact(frame[question.mask(frame).__array__()])

    def redact(self, frame: Any, question: Question, how: How) -> Any:
        id, by = how.id, how.by
        names = [name for name, _ in how.columns]
        if id in names:
            raise native.DataError(
                f"column `{id}` holds the ids, which whoever may know of a record sees: it is no field beside"
            )
        all_names = list(frame.columns)
        columns = self.columns(frame, [id])
        one(all_names, names)
        known, shown = native._seen(
            question.ward,
            question.world,
            columns[id],
            question.principal,
            question.asked,
            how,
        )
        numpy = sys.modules["numpy"]
        rows = numpy.frombuffer(known, bool) if known else numpy.zeros(0, bool)
        cells = {
            name: (numpy.frombuffer(cell, bool) if cell else numpy.zeros(0, bool))[rows]
            for name, cell in zip(names, shown, strict=True)
        }
        refuse_by([name for name in by if name != id], cells)
        out = frame.loc[rows, [name for name in all_names if name == id or name in cells]].copy()
        forms = dict(how.transforms)
        for name, cell in cells.items():
            if name in forms:
                out[name] = self._formed(out[name].mask(~cell), forms[name], how.release_key)
            self._withhold(out, name, ~cell, how.marker, how.ending)
        return self._compact(out)

    def _formed(self, column: Any, form: str, key: bytes | None) -> Any:
        # Of cells that are withheld, nothing is left in it by now.
        if not self._has_arrow():
            raise native.DataError(f"column `{column.name}`: pyarrow makes the forms of pandas' columns: install it")
        arrow = self._arrow()
        try:
            cells = arrow.table({column.name: arrow.array(column, from_pandas=True)})
        except arrow.ArrowException as error:
            raise native.DataError(f"column `{column.name}`: {error}") from error
        formed = arrow.table(native._formed(cells, form, key)).column(0)
        # Years may be missing, and are whole numbers all the same.
        whole = {arrow.int32(): sys.modules["pandas"].Int32Dtype()}
        made = formed.to_pandas(types_mapper=whole.get)
        made.index = column.index
        return made

    def _withhold(
        self, out: Any, name: str, withheld: Any, marker: str | None, ending: str | None
    ) -> None:
        column = out[name]
        if marker is not None:
            if str(column.dtype) == "category":
                column = column.astype(column.cat.categories.dtype)
            if str(column.dtype).removeprefix("large_").removesuffix("[pyarrow]") not in ("object", "str", "string"):
                raise native.DataError(
                    f"column `{name}` holds {column.dtype}, in which no text can mark what is withheld: mark it by a "
                    "column"
                )
            out[name] = column.mask(withheld, marker)
            return
        if withheld.any():
            out[name] = column.mask(withheld)
        if ending is not None:
            beside = f"{name}{ending}"
            if beside in out.columns:
                raise native.DataError(
                    f"two columns would be called `{beside}`: choose another ending for the columns of marks"
                )
            out.insert(out.columns.get_loc(name) + 1, beside, withheld)

    def _compact(self, kept: Any) -> Any:
        # Categories keep what no row has any more; what is kept may be handed on.
        changed = {
            name: kept[name].cat.remove_unused_categories()
            for name in kept.columns
            if list(kept.columns).count(name) == 1 and str(kept[name].dtype) == "category"
        }
        return kept.assign(**changed) if changed else kept


class Duck(Kind):
    """Relations of DuckDB, which stay relations."""

    def stream(self, frame: Any) -> Any:
        return frame.to_arrow_table()

    def some(self, frame: Any, names: list[str]) -> Any:
        one(frame.columns, names)
        return frame.project(", ".join(quoted(name) for name in names)).to_arrow_table()

    def columns(self, frame: Any, names: list[str]) -> dict[str, Any]:
        one(frame.columns, names)
        table = frame.project(", ".join(quoted(name) for name in names)).to_arrow_table()
        return {name: table.column(at) for at, name in enumerate(names)}

    def keep(self, frame: Any, question: Question) -> Any:
        one(frame.columns, [question.id])
        names = [question.id]
        if question.held is not None:
            caseward_kept = self._arrow().table(native._chosen(table := frame.to_arrow_table(), question.mask(table)))
            kept = frame.limit(0).query(f"caseward_rows_{next(COUNT)}", "from caseward_kept")
            assert caseward_kept is not None  # DuckDB finds it by its name.
            return kept
        if not question.is_column:
            caseward_ids = self._arrow().table(question.ids())
        elif isinstance(question.principal, tuple):
            raise native.DataError(
                "a relation has no order that a column of ids could stand beside: name a column of it, as "
                'Column("User", "worker")'
            )
        else:
            if question.principal.name not in names:
                names.append(question.principal.name)
            one(frame.columns, names)
            pairs = frame.project(", ".join(quoted(name) for name in names)).distinct().to_arrow_table()
            caseward_ids = pairs.filter(self._arrow().array(question.mask(pairs)))
        # A name of its own: a relation may be kept of one that was kept.
        rows = f"caseward_rows_{next(COUNT)}"
        alike = " and ".join(f"{rows}.{quoted(n)} = caseward_ids.{quoted(n)}" for n in names)
        kept = frame.query(rows, f"from {rows} semi join caseward_ids on {alike}")
        assert caseward_ids is not None  # DuckDB finds it by its name.
        return kept

    def redact(self, frame: Any, question: Question, how: How) -> Any:
        caseward_shown = self._arrow().table(question.redacted(frame.to_arrow_table, how))
        # Asked through the relation, it is one of the same connection.
        shown = frame.limit(0).query(f"caseward_rows_{next(COUNT)}", "from caseward_shown")
        assert caseward_shown is not None  # DuckDB finds it by its name.
        return shown


class Ibis(Kind):
    """Tables of Ibis, which stay expressions; what is decided row by row is read, and is a table in memory."""

    def columns(self, frame: Any, names: list[str]) -> dict[str, Any]:
        return Arrow().columns(self.some(frame, names), names)

    def some(self, frame: Any, names: list[str]) -> Any:
        one(list(frame.columns), names)
        return frame.select(*names).to_pyarrow()

    def keep(self, frame: Any, question: Question) -> Any:
        one(list(frame.columns), [question.id])
        if question.is_column or not frame[question.id].type().is_string():
            table = frame.to_pyarrow()
            return self._table(native._chosen(table, question.mask(table)))
        return frame.semi_join(self._table(question.ids()), question.id).select(*frame.columns)

    def redact(self, frame: Any, question: Question, how: How) -> Any:
        return self._table(question.redacted(frame.to_pyarrow, how))

    def _table(self, batches: Any) -> Any:
        return sys.modules["ibis"].memtable(self._arrow().table(batches))


class Spark(Kind):
    """Frames of Spark, whose rows stay where they are: the ids go to them."""

    def stream(self, frame: Any) -> Any:
        return frame.toArrow()

    def columns(self, frame: Any, names: list[str]) -> dict[str, Any]:
        one(frame.columns, names)
        rows = frame.select(*names).collect()
        return {name: [row[at] for row in rows] for at, name in enumerate(names)}

    def keep(self, frame: Any, question: Question) -> Any:
        one(frame.columns, [question.id])
        names = [question.id]
        if question.held is not None:
            raise TypeError(
                "columns of Spark's frames are not trusted row by row: `ward.filter` for Spark decides by columns there"
            )
        if not question.is_column:
            allowed = [(id,) for id in question.visible().ids()]
        elif isinstance(question.principal, tuple):
            raise native.DataError(
                "a frame of Spark has no order that a column of ids could stand beside: name a column of it, as "
                'Column("User", "worker")'
            )
        else:
            if question.principal.name not in names:
                names.append(question.principal.name)
            one(frame.columns, names)
            pairs = frame.select(*names).distinct()
            columns = self.columns(pairs, names)
            mask = question.mask_of(columns)
            rows = zip(*columns.values(), strict=True)
            allowed = [row for row, is_allowed in zip(rows, mask, strict=True) if is_allowed]
        return frame.join(self._broadcast(frame, names, allowed), on=names, how="left_semi")

    def _broadcast(self, frame: Any, names: list[str], rows: Any) -> Any:
        schema = ", ".join(f"`{name.replace('`', '``')}` string not null" for name in names)
        return frame.sparkSession.createDataFrame(rows, schema).hint("broadcast")

    def redact(self, frame: Any, question: Question, how: How) -> Any:
        raise TypeError(
            "frames of Spark are not redacted: keep the rows first, and redact `frame.toArrow()` or a batch of it"
        )


class Narwhals(Kind):
    """Frames of narwhals: those of whatever is in them."""

    def some(self, frame: Any, names: list[str]) -> Any:
        native_frame = frame.to_native()
        return kind_of(native_frame).some(native_frame, names)

    def stream(self, frame: Any) -> Any:
        native_frame = frame.to_native()
        return kind_of(native_frame).stream(native_frame)

    def columns(self, frame: Any, names: list[str]) -> dict[str, Any]:
        native_frame = frame.to_native()
        return kind_of(native_frame).columns(native_frame, names)

    def keep(self, frame: Any, question: Question) -> Any:
        native_frame = frame.to_native()
        return self._like(kind_of(native_frame).keep(native_frame, question))

    def redact(self, frame: Any, question: Question, how: How) -> Any:
        native_frame = frame.to_native()
        return self._like(kind_of(native_frame).redact(native_frame, question, how))

    def _like(self, frame: Any) -> Any:
        return sys.modules["narwhals"].from_native(frame)


def kind_of(frame: Any) -> Kind:
    """What a frame is, by the module of its type."""
    for of in type(frame).__mro__:
        root, name = (of.__module__ or "").partition(".")[0].lstrip("_"), of.__name__
        match root, name:
            case "polars", "DataFrame" | "LazyFrame":
                return Polars()
            case "pandas", "DataFrame":
                return Pandas()
            case "pyarrow", "Table" | "RecordBatch":
                return Arrow()
            case "pyarrow", "RecordBatchReader":
                return Stream()
            case "duckdb", "DuckDBPyRelation":
                return Duck()
            case "ibis", "Table":
                return Ibis()
            case "pyspark", "DataFrame":
                return Spark()
            case "narwhals", "DataFrame" | "LazyFrame":
                return Narwhals()
            case _:
                pass
    if hasattr(frame, "__arrow_c_stream__"):
        return Kind()
    raise TypeError(
        f"a {type(frame).__name__} is no frame: expected one of polars, pandas, pyarrow, DuckDB, Ibis or narwhals, or "
        "what has `__arrow_c_stream__`"
    )


def one(all_names: list[str], wanted: list[str]) -> None:
    """Refuses names of which the frame has no column, or two."""
    for name in wanted:
        match all_names.count(name):
            case 1:
                pass
            case 0:
                shown = ", ".join(f"`{name}`" for name in all_names[:20])
                raise native.DataError(f"the frame has no column `{name}`: it has {shown}")
            case _:
                raise native.DataError(f"the frame has two columns `{name}`: name each once")


def refuse_by(by: list[str], cells: Mapping[str, Any]) -> None:
    """Refuses what the frame may not be filtered, sorted or joined by."""
    for name in by:
        if name not in cells:
            raise native.DataError(
                f"column `{name}` is no field of the records, so that nobody may filter, sort or join by it"
            )
        if not cells[name].all():
            raise native.DataError(
                f"column `{name}` is not shown of every row: to filter, sort or join by it would tell what is withheld"
            )


def quoted(name: str) -> str:
    """A name of SQL."""
    return '"' + name.replace('"', '""') + '"'
