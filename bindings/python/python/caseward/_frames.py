"""Frames of every kind, taken apart for the library and put together again.

Nothing is decided here: decisions come from the native module, by the column. `_kinds` has the kinds of frames.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from caseward import _caseward
from caseward._caseward import Column

from ._kinds import kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from caseward import Batches, Decisions, Visible, Ward, World


# Its functions that are for this module alone begin with an underscore.
native: Any = _caseward


def mask(
    ward: Ward,
    world: World,
    frame: Any,
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
    """Decides each row of a frame."""
    asked = (action, resource_type, context, now)
    return Question(ward, world, principal, asked, id, held(trust_frame, columns)).mask(frame)


def keep(
    ward: Ward,
    world: World,
    frame: Any,
    principal: Any,
    action: str,
    resource_type: str,
    context: Any = None,
    *,
    id: str = "id",
    trust_frame: bool = False,
    columns: Mapping[str, str] | None = None,
    now: datetime | None = None,
) -> Any:
    """The rows of a frame that are allowed, as a frame of its kind."""
    kind = kind_of(frame)
    asked = (action, resource_type, context, now)
    question = Question(ward, world, principal, asked, id, held(trust_frame, columns))
    return kind.keep(frame, question)


def held(trust_frame: bool, columns: Mapping[str, str] | None) -> dict[str, str] | None:
    """What the frame's columns hold, where they are trusted; none where a world is asked."""
    if not trust_frame:
        if columns is not None:
            raise TypeError("columns: say trust_frame=True to decide by columns of the frame, and not by the world")
        return None
    return dict(columns or {})


def redact(
    ward: Ward,
    world: World,
    frame: Any,
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
) -> Any:
    """What a person may see of a frame, as a frame of its kind."""
    if isinstance(by, str):
        raise TypeError(f"by: expected the names of columns, such as [{by!r}], found a str")
    kind = kind_of(frame)
    if isinstance(release_key, str):
        raise TypeError("release_key: expected bytes, found a str")
    forms = list((transforms or {}).items())
    how = How(id, list(columns.items()), marker, ending, list(by), forms, release_key)
    question = Question(ward, world, principal, ("", resource_type, context, now), id)
    return kind.redact(frame, question, how)


def world(
    ward: Ward,
    frames: Mapping[str, Any],
    ids: Mapping[str, str] | None,
    columns: Mapping[str, Mapping[str, str | None]] | None,
) -> World:
    """A world of frames, by type."""
    for name in [*(ids or {}), *(columns or {})]:
        if name not in frames:
            raise native.DataError(f"`{name}` is named, and there is no frame of it")
    given = [
        (name, kind_of(frame).stream(frame), (ids or {}).get(name, "id"), dict((columns or {}).get(name, {})))
        for name, frame in frames.items()
    ]
    return native._world(ward, given)


class How(NamedTuple):
    """How a frame is redacted: what the native module reads by these names."""

    id: str
    columns: list[tuple[str, str]]
    marker: str | None
    ending: str | None
    by: list[str]
    transforms: list[tuple[str, str]]
    release_key: bytes | None


class Question:
    """Who asks what, of which column of ids."""

    def __init__(
        self,
        ward: Ward,
        world: World,
        principal: Any,
        asked: tuple[Any, ...],
        id: str,
        held: dict[str, str] | None = None,
    ) -> None:
        self.ward, self.world, self.principal, self.asked, self.id = ward, world, principal, asked, id
        # What columns of the frame hold, where it is these that decide.
        self.held = held
        # Whether each row has somebody of its own: a column of the frame, or a type and ids.
        self.has_people = isinstance(principal, Column) or (
            issubclass(type(principal), tuple) and len(principal) == 2 and not isinstance(principal[1], str)
        )
        if self.has_people and held is not None:
            raise native.DataError(
                "columns of a frame are trusted for one person: what is read of a row is another for everybody"
            )
        # Whether rows are decided one by one, and not by the ids of one person.
        self.is_column = self.has_people or held is not None

    def names(self) -> list[str]:
        """The columns of a frame that it is decided by."""
        names = [self.id, *(self.held or {})]
        if isinstance(self.principal, Column):
            names.append(self.principal.name)
        return list(dict.fromkeys(names))

    def mask(self, frame: Any) -> Decisions:
        """Decides each row of a frame."""
        kind = kind_of(frame)
        if self.held is None:
            return self.mask_of(kind.columns(frame, self.names()))
        rows = kind.some(frame, self.names())
        return native._trusted(self.ward, self.world, rows, self.principal, self.asked, self.id, self.held)

    def mask_of(self, columns: dict[str, Any]) -> Decisions:
        """As `mask`, of columns of a frame by their names, where a world is asked."""
        who = self.principal
        who, name = ((who.type, columns[who.name]), who.name) if isinstance(who, Column) else (who, "principal")
        return native._mask(self.ward, self.world, columns[self.id], who, self.asked, (self.id, name))

    def visible(self) -> Visible:
        """What one person may do it to."""
        action, resource_type, context, now = self.asked
        return self.ward.visible(self.world, self.principal, action, resource_type, context, now=now)

    def ids(self) -> Batches:
        """Their ids, under the name of the frame's column."""
        return self.visible().table(self.id)

    def kept(self, stream: Any) -> Batches:
        return native._kept(self.ward, self.world, stream, self.principal, self.asked, self.id)

    def redacted(self, make: Callable[[], Any], how: How) -> Batches:
        """Redacts a stream; `make` makes it anew where it is looked through before."""
        if how.by:
            native._redacted(self.ward, self.world, make(), self.principal, self.asked, how, True)
        done = native._redacted(self.ward, self.world, make(), self.principal, self.asked, how)
        assert done is not None  # It is where not only looked through.
        return done
