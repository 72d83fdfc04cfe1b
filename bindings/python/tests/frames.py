"""The same rows as frames of every kind and layout of text, and back again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb
import ibis
import narwhals
import pandas
import polars
import pyarrow as pa

# Rows by column, as Python has them.
Rows = dict[str, list[Any]]

LAYOUTS: dict[str, pa.DataType] = {
    "utf8": pa.string(),
    "large": pa.large_string(),
    "view": pa.string_view(),
    "dictionary": pa.dictionary(pa.int8(), pa.string()),
    "wide dictionary": pa.dictionary(pa.int64(), pa.large_string()),
}


def table(rows: Rows, layout: str = "utf8") -> pa.Table:
    """A table of pyarrow, its texts in that layout."""
    ty = LAYOUTS[layout]

    def column(values: list[Any]) -> pa.ChunkedArray:
        if not any(isinstance(value, str) for value in values) and any(value is not None for value in values):
            return pa.chunked_array([pa.array(values)])
        if pa.types.is_dictionary(ty) and len({*values}) > 127:
            return pa.chunked_array([pa.array(values, pa.dictionary(pa.int32(), pa.string()))])
        return pa.chunked_array([pa.array(values, pa.string()).cast(ty)])

    return pa.table({name: column(values) for name, values in rows.items()})


def chunked(whole: pa.Table, at: int) -> pa.Table:
    """The same rows in two chunks, the second of them a slice of a longer array."""
    longer = pa.concat_tables([whole, whole.slice(0, 1)])
    return pa.concat_tables([whole.slice(0, at), longer.slice(at, whole.num_rows - at)])


class Opaque:
    """A frame of which nothing is known but Arrow's interface."""

    def __init__(self, of: pa.Table) -> None:
        self._of = of

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self._of.__arrow_c_stream__(requested_schema)


def relation(of: pa.Table) -> Any:
    """A relation of DuckDB, which holds its connection."""
    return duckdb.connect().from_arrow(of)


# From a table of pyarrow to each kind of frame.
KINDS: dict[str, Callable[[pa.Table], Any]] = {
    "pyarrow": lambda of: of,
    "pyarrow batch": lambda of: (
        of.combine_chunks().to_batches() or [pa.RecordBatch.from_pylist([], schema=of.schema)]
    )[0],
    "pyarrow reader": lambda of: of.to_reader(max_chunksize=3),
    "polars": polars.DataFrame,
    "polars lazy": lambda of: polars.DataFrame(of).lazy(),
    "pandas": lambda of: of.to_pandas(),
    "pandas objects": lambda of: pandas.DataFrame(
        {name: pandas.Series(of.column(name).to_pylist(), dtype=object) for name in of.column_names}
    ),
    "pandas arrow": lambda of: of.to_pandas(types_mapper=pandas.ArrowDtype),
    "duckdb": relation,
    "ibis": ibis.memtable,
    "narwhals": lambda of: narwhals.from_native(polars.DataFrame(of)),
    "narwhals lazy": lambda of: narwhals.from_native(polars.DataFrame(of).lazy()),
    "opaque": Opaque,
}


def rows_of(frame: Any) -> list[dict[str, Any]]:
    """The rows of any of them, as Python has them; what pandas has for nothing is None."""
    if isinstance(frame, narwhals.DataFrame | narwhals.LazyFrame):
        frame = frame.to_native()
    if isinstance(frame, polars.LazyFrame):
        frame = frame.collect()
    if isinstance(frame, polars.DataFrame):
        return frame.to_dicts()
    if isinstance(frame, pandas.DataFrame):
        records: list[dict[str, Any]] = frame.astype(object).to_dict("records")  # pyright: ignore[reportAssignmentType]
        return [{name: None if pandas.isna(value) else value for name, value in row.items()} for row in records]
    if isinstance(frame, ibis.Table):
        frame = frame.to_pyarrow()
    if isinstance(frame, duckdb.DuckDBPyRelation):
        frame = frame.to_arrow_table()
    return pa.table(frame).to_pylist()
