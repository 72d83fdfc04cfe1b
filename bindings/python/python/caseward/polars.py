"""`frame.caseward` on frames of polars, lazy or not: `import caseward.polars` makes it.

>>> import caseward.polars
>>> import polars
>>> from caseward import Ward, World
>>> ward = Ward.attendance()
>>> world = World.sample(ward, cases=50)
>>> cases = polars.LazyFrame({"case": world.ids("Case")})
>>> kept = cases.caseward.keep(ward, world, ("User", "u00001"), "viewSummary", "Case", id="case")
>>> kept.collect().height == ward.count(world, ("User", "u00001"), "viewSummary", "Case")
True
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

import polars

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from caseward import Decisions, Ward, World

Frame = TypeVar("Frame", polars.DataFrame, polars.LazyFrame)


class _Namespace(Generic[Frame]):
    """The questions of a `Ward` that are asked of a frame."""

    def __init__(self, frame: Frame) -> None:
        self._frame: Frame = frame

    def keep(
        self,
        ward: Ward,
        world: World,
        principal: Any,
        action: str,
        resource_type: str,
        context: Any = None,
        *,
        id: str = "id",
        trust_frame: bool = False,
        columns: Mapping[str, str] | None = None,
        now: datetime | None = None,
    ) -> Frame:
        """The rows that are allowed: `Ward.keep`."""
        given: dict[str, Any] = {"id": id, "trust_frame": trust_frame, "columns": columns, "now": now}
        return ward.keep(world, self._frame, principal, action, resource_type, context, **given)

    def mask(
        self,
        ward: Ward,
        world: World,
        principal: Any,
        action: str,
        resource_type: str,
        context: Any = None,
        *,
        id: str = "id",
        trust_frame: bool = False,
        columns: Mapping[str, str] | None = None,
        now: datetime | None = None,
    ) -> Decisions:
        """Whether each row is allowed: `Ward.mask`."""
        given: dict[str, Any] = {"id": id, "trust_frame": trust_frame, "columns": columns, "now": now}
        return ward.mask(world, self._frame, principal, action, resource_type, context, **given)

    def redact(
        self,
        ward: Ward,
        world: World,
        principal: Any,
        resource_type: str,
        context: Any = None,
        *,
        columns: Mapping[str, str],
        id: str = "id",
        by: Iterable[str] = (),
        marker: str | None = None,
        ending: str | None = "_withheld",
        transforms: Mapping[str, str] | None = None,
        release_key: bytes | None = None,
        now: datetime | None = None,
    ) -> Frame:
        """What the person may see of it: `Ward.redact`."""
        given: dict[str, Any] = {"columns": columns, "id": id, "by": by, "marker": marker, "ending": ending}
        forms: dict[str, Any] = {"transforms": transforms, "release_key": release_key}
        return ward.redact(world, self._frame, principal, resource_type, context, now=now, **given, **forms)


@polars.api.register_dataframe_namespace("caseward")
class DataFrameNamespace(_Namespace[polars.DataFrame]):
    """`frame.caseward`."""


@polars.api.register_lazyframe_namespace("caseward")
class LazyFrameNamespace(_Namespace[polars.LazyFrame]):
    """`lazy.caseward`."""
