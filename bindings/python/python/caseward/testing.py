"""For tests of policies and of what uses them. Install it with `pip install caseward[testing]`.

As a pytest plugin, which is there once the package is installed, it collects policy cases as tests (TOML, and JSON
in folders ALLOW and DENY):

    pytest --caseward-cases tests/policies --caseward-policies policies

or, for good, in the ini file: `caseward_cases`, folders or files, and `caseward_policies`, the folder of the
policies under test (the rules of attendance where none is named), both from the place of that file.

As a library it has Hypothesis strategies for worlds and requests of any schema:

    @given(world=worlds(ward), data=st.data())
    def test_a_sensitive_item_stays_hidden(world, data):
        request = data.draw(requests(ward, world))
        ...

They draw towards what the policies compare with and name; six in ten requests are aimed at an allow and one in ten at a
policy that cannot be evaluated, as far as the world has such a request. One in four and more are allowed, under the
rules of attendance and under those of a clinic, so that `assert not ward.check(...)` fails where it should; and under
policies that count, as the clinic's do, one in twenty and more are in error.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
from collections.abc import Iterator, Mapping
from decimal import Decimal
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import pytest

from caseward import (
    Attribute,
    Case,
    CaseFile,
    CasewardError,
    Changes,
    EntityUid,
    Mismatch,
    Request,
    Type,
    Ward,
    World,
)

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

__all__ = ["CaseFailure", "requests", "values", "worlds"]


class CaseFailure(AssertionError):
    """A policy case that came out otherwise than expected."""

    def __init__(self, mismatch: Mismatch) -> None:
        super().__init__(str(mismatch))
        self.mismatch = mismatch


# ── The pytest plugin ──────────────────────────────────────────────────────────

_WARD = pytest.StashKey[Ward]()
# What each file of cases expects where it is JSON, by its true path.
_FOUND = pytest.StashKey[dict[Path, Literal["allow", "deny"] | None]]()
# Files of cases that this run is to collect, by their true paths, and those of them that it has not come to.
_ASKED = pytest.StashKey[frozenset[Path]]()
_AWAITED = pytest.StashKey[set[Path]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("caseward", "policy cases of caseward")
    group.addoption(
        "--caseward-cases",
        action="append",
        default=[],
        metavar="PATH",
        help="collect the policy cases (TOML) of this folder or file",
    )
    group.addoption(
        "--caseward-policies",
        metavar="DIR",
        help="the folder of the policies under test; those of attendance where none is named",
    )
    parser.addini("caseward_cases", "folders or files of policy cases (TOML)", type="paths", default=[])
    parser.addini("caseward_policies", "the folder of the policies under test", type="paths", default=[])


def pytest_configure(config: pytest.Config) -> None:
    """Collects the folders of cases too, unless paths were named on the command line."""
    asked = [str(config.invocation_params.dir / path) for path in _asked(config)]
    if config.args_source is not pytest.Config.ArgsSource.ARGS:
        asked += [str(path) for path in config.getini("caseward_cases")]
    found = _find(config)
    wanted = frozenset(file for path in asked for file in found.get(path, []))
    config.stash[_ASKED], config.stash[_AWAITED] = wanted, set(wanted)
    roots = [(config.invocation_params.dir / arg.split("::")[0]).resolve() for arg in config.args]
    for path in asked:
        place = Path(path).resolve()
        if not any(place.is_relative_to(root) for root in roots):
            config.args.append(path)
            roots.append(place)


@pytest.hookimpl(tryfirst=True)
def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Whatever a folder is called in which there are cases, they are found: pytest passes over `build` and `dist`."""
    path, asked = collection_path.resolve(), config.stash[_ASKED]
    if path in asked or _is_ignored(path, config):
        return None
    if path.is_dir():
        is_on_the_way = any(file.is_relative_to(path) for file in asked)
        return False if is_on_the_way and _is_passed_over(path, config) else None
    # What pytest would not have found is not found because there are cases beside it.
    beside = [above for above in path.parents if any(file.is_relative_to(above) for file in asked)]
    inside = [above for above in beside if above.is_relative_to(config.rootpath.resolve())]
    return True if any(_is_passed_over(above, config) for above in inside) else None


def _is_passed_over(folder: Path, config: pytest.Config) -> bool:
    """Whether pytest looks into no folder of that name, unless it is told to."""
    patterns: list[str] = config.getini("norecursedirs")
    return any(fnmatch(str(folder) if os.sep in pattern else folder.name, pattern) for pattern in patterns)


def _is_ignored(path: Path, config: pytest.Config) -> bool:
    """Whether the command line says that it is not to be collected."""
    here = config.invocation_params.dir
    plain: list[str] = config.getoption("ignore") or []
    shaped: list[str] = config.getoption("ignore_glob") or []
    ignored = {(here / one).resolve() for one in plain}
    globs = [str(here / one) for one in shaped]
    return any(one in ignored or any(fnmatch(str(one), glob) for glob in globs) for one in (path, *path.parents))


def pytest_collection_finish(session: pytest.Session) -> None:
    """No case that was to be run is left out without a word."""
    left = [file for file in session.config.stash[_AWAITED] if not _is_ignored(file, session.config)]
    if left:
        names = ", ".join(f"`{file}`" for file in sorted(left))
        raise pytest.UsageError(f"policy cases were named and not collected: {names}; --ignore leaves them out")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    path = file_path.resolve()
    if path in parent.config.stash[_FOUND]:
        parent.config.stash[_AWAITED].discard(path)
        return _Cases.from_parent(parent, path=file_path)  # pyright: ignore[reportUnknownMemberType]
    return None


def _find(config: pytest.Config) -> dict[str, list[Path]]:
    """Finds every file of cases, by the path that names it; what is not there, or looks like a case and would not be
    run, ends the run."""
    by_path: dict[str, list[Path]] = {}
    asked = [("--caseward-cases", config.invocation_params.dir / path) for path in _asked(config)]
    asked += [("caseward_cases", Path(path)) for path in config.getini("caseward_cases")]
    config.stash[_FOUND] = {}
    for name, path in asked:
        if not path.exists():
            raise pytest.UsageError(f"{name}: `{path}` is not there")
        try:
            found = CaseFile.find(path)
        except CasewardError as error:
            raise pytest.UsageError(str(error)) from None
        # Tests that do not run pass too easily.
        if not found or (path.is_file() and path.suffix not in (".toml", ".json")):
            raise pytest.UsageError(f"{name}: `{path}` holds no policy cases")
        config.stash[_FOUND].update({file.resolve(): expect for file, expect in found})
        by_path[str(path)] = [file.resolve() for file, _ in found]
    return by_path


def _asked(config: pytest.Config) -> list[str]:
    """The paths of `--caseward-cases`."""
    return config.getoption("--caseward-cases") or []


def _ward(config: pytest.Config) -> Ward:
    """The ward under test, loaded once a run."""
    if _WARD not in config.stash:
        folders = [config.getoption("--caseward-policies"), *config.getini("caseward_policies")]
        folder = next((folder for folder in folders if folder), None)
        if folder is None:
            config.stash[_WARD] = Ward.attendance()
        else:
            config.stash[_WARD] = Ward.from_folder(config.invocation_params.dir / folder)
    return config.stash[_WARD]


class _Cases(pytest.File):
    """A file of policy cases."""

    def collect(self) -> Iterator[pytest.Item]:
        text = self.path.read_text(encoding="utf-8")
        expect = self.config.stash[_FOUND][self.path.resolve()]
        file = CaseFile.read(_ward(self.config), self.path.name, text, expect)
        lines = text.splitlines()
        for case in file.cases:
            line = _line(lines, case.name)
            yield _Case.from_parent(  # pyright: ignore[reportUnknownMemberType]
                self, name=case.name, file=file, case=case, line=line
            )

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, CasewardError):
            return str(excinfo.value)
        return super().repr_failure(excinfo)


def _line(lines: list[str], name: str) -> int | None:
    """The line on which a case is named, from 0."""
    return next((at for at, line in enumerate(lines) if line.startswith("name") and name in line), None)


class _Case(pytest.Item):
    """One policy case."""

    def __init__(self, *, file: CaseFile, case: Case, line: int | None, **rest: Any) -> None:
        super().__init__(**rest)  # pyright: ignore[reportUnknownMemberType]
        self.file, self.case, self.line = file, case, line

    def runtest(self) -> None:
        mismatch = self.file.run_case(_ward(self.config), self.case)
        if mismatch is not None:
            raise CaseFailure(mismatch)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, CaseFailure):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, self.line, self.case.name


# ── Hypothesis strategies ──────────────────────────────────────────────────────

# Instants that every datetime of Python can be; Cedar counts milliseconds.
_FIRST = dt.datetime(1, 1, 2, tzinfo=dt.UTC)
_DAYS = (dt.datetime(9999, 12, 30, tzinfo=dt.UTC) - _FIRST).days
_LONG = 2**63


class _Shape(NamedTuple):
    """A type of the schema, read once: values are drawn by the thousand."""

    kind: str
    entity: str
    element: _Shape | None
    fields: tuple[tuple[str, _Shape, bool], ...]

    @staticmethod
    def of(type: Type) -> _Shape:
        element = None if type.element is None else _Shape.of(type.element)
        return _Shape(type.kind, type.entity or "", element, _fields(type.fields or {}))


def _fields(attributes: Mapping[str, Attribute]) -> tuple[tuple[str, _Shape, bool], ...]:
    """Names, what they hold and whether they must be there."""
    return tuple((name, _Shape.of(field.type), field.required) for name, field in attributes.items())


_Ids = Mapping[str, list[str]]
# What the policies compare with: by name of the attribute or field, then by kind; under "" all of it.
_Pool = Mapping[str, Mapping[str, list[Any]]]


def _pool(ward: Ward) -> _Pool:
    kinds: dict[type, str] = {
        str: "String",
        int: "Long",
        Decimal: "decimal",
        dt.datetime: "datetime",
        dt.timedelta: "duration",
    }
    pool: dict[str, dict[str, list[Any]]] = {"": {}}
    for name, values in ward.compared().items():
        for value in values:
            one: object = value
            kind = kinds.get(type(one))
            if kind is not None:
                pool.setdefault(name, {}).setdefault(kind, []).append(value)
                pool[""].setdefault(kind, []).append(value)
    return pool


def values(type: Type, ids: Mapping[str, list[str]]) -> SearchStrategy[Any]:
    """Values of a type of the schema; entities are drawn from `ids`, by the name of their type."""
    from hypothesis import strategies as st

    shape = _Shape.of(type)

    @st.composite
    def draw_value(draw: DrawFn) -> Any:
        return _value(draw, shape, ids)

    return draw_value()


def worlds(ward: Ward, *, most: int = 6) -> SearchStrategy[World]:
    """Worlds that the ward's schema allows, with 1 to `most` entities of each type.

    They are whole: nothing refers to what is not there, and no hierarchy goes in a circle. Nine in ten texts, numbers
    and times of an attribute that the policies compare are at, or next to, one that they compare it with; of the
    numbers one in three is the largest or smallest that there is, at which arithmetic fails. Half of the entities of a
    type that the policies name are those that they name.
    """
    from hypothesis import strategies as st

    pool = _pool(ward)
    named: dict[str, list[str]] = {}
    for uid in ward.named():
        named.setdefault(uid.type, []).append(uid.id)
    types = ward.schema.entity_types
    enumerated = {ty.name: list(ty.choices) for ty in types if ty.choices is not None}
    others = [
        (ty.name, ty.ancestors, _fields(ty.attributes), None if ty.tags is None else _Shape.of(ty.tags))
        for ty in types
        if ty.choices is None
    ]
    # Half of the entities are such as the policies name, where they name any of the type.
    ids_of = {name: st.sampled_from(named[name]) | _texts() if name in named else _texts() for name, *_ in others}
    some_ids = {name: st.lists(of, min_size=1, max_size=most, unique=True) for name, of in ids_of.items()}

    @st.composite
    def draw_world(draw: DrawFn) -> World:
        ids = enumerated | {name: draw(some_ids[name]) for name, *_ in others}
        # An entity lies only in what comes before it.
        before = [EntityUid(ty, id) for ty, all in enumerated.items() for id in all]
        changes = Changes()
        for name, ancestors, fields, tags in others:
            for id in ids[name]:
                above = [uid for uid in before if uid.type in ancestors]
                lies_in: set[EntityUid] = set()
                for _ in range(draw(_below(3)) if above else 0):
                    lies_in.add(above[draw(_below(len(above)))])
                tagged: dict[str, Any] = {}
                for _ in range(draw(_below(3)) if tags is not None else 0):
                    assert tags is not None
                    tagged[draw(_texts())] = _value(draw, tags, ids, pool)
                uid = EntityUid(name, id)
                changes.put(uid, _record(draw, fields, ids, pool), parents=lies_in, tags=tagged)
                before.append(uid)
        world = World.empty(ward)
        world.apply(changes)
        return world

    return draw_world()


def requests(ward: Ward, world: World, *, action: str | None = None) -> SearchStrategy[Request]:
    """Requests that make sense under the ward's schema, for entities of the world; a few name one that is absent.

    Six in ten are aimed at an allow, and one in ten at a policy that cannot be evaluated, as far as one is found. With
    `action`, requests for that action alone.
    """
    from hypothesis import strategies as st

    schema, pool = ward.schema, _pool(ward)
    ids = {
        ty.name: world.ids(ty.name) if ty.choices is None else list(ty.choices) for ty in schema.entity_types
    }
    asked = schema.actions if action is None else [schema.action(action)]
    actions = [(str(one.uid), one.principals, one.resources, _fields(one.context)) for one in asked]

    @st.composite
    def draw_request(draw: DrawFn) -> Request:
        aim = draw(_below(10))
        if aim < 7:
            found = _aimed(draw, ward, world, actions, ids, pool, allowed=aim < 6)
            if found is not None:
                return found
        name, principals, resources, fields = actions[draw(_below(len(actions)))]

        def entity(types: tuple[str, ...]) -> EntityUid:
            type = types[draw(_below(len(types)))]
            # Nine in ten are there.
            there = {} if draw(_below(10)) == 9 else ids
            return _entity(draw, type, there)

        return Request(entity(principals), name, entity(resources), _record(draw, fields, ids, pool))

    return draw_request()


# An action as it is asked: its name, principals, resources and the fields of its context.
_Asked = tuple[str, tuple[str, ...], tuple[str, ...], tuple[tuple[str, _Shape, bool], ...]]

# Actions of which one context each is tried for one request that is aimed, and pairs of each that are looked at.
_TRIED = 40
_PAIRS = 64


def _aimed(
    draw: DrawFn,
    ward: Ward,
    world: World,
    actions: list[_Asked],
    ids: _Ids,
    pool: _Pool,
    *,
    allowed: bool,
) -> Request | None:
    """A request that is allowed, or in error; None where none was found."""
    first = draw(_below(len(actions)))
    for at in range(min(len(actions), _TRIED)):
        name, principals, resources, fields = actions[(first + at) % len(actions)]
        context = _record(draw, fields, ids, pool)
        found: list[tuple[EntityUid, EntityUid]] = []
        for of, to in ((of, to) for of in principals for to in resources):
            pairs = [(person, record) for person in ids.get(of, []) for record in ids.get(to, [])][:_PAIRS]
            columns = ((of, [person for person, _ in pairs]), (to, [record for _, record in pairs]))
            decided = ward.check_many(world, columns[0], name, columns[1], context) if pairs else ()
            for may, (person, record) in zip(decided, pairs, strict=True):
                pair = (EntityUid(of, person), EntityUid(to, record))
                # What is in error is denied.
                if may if allowed else not may and _errs(ward, world, name, pair, context):
                    found.append(pair)
        if found:
            by, on = found[draw(_below(len(found)))]
            return Request(by, name, on, context)
    return None


def _errs(
    ward: Ward, world: World, action: str, pair: tuple[EntityUid, EntityUid], context: dict[str, Any]
) -> bool:
    errors = ward.check(world, pair[0], action, pair[1], context).errors
    return any("could not be evaluated" in error for error in errors)


def _value(draw: DrawFn, shape: _Shape, ids: _Ids, pool: _Pool | None = None, name: str = "") -> Any:
    match shape.kind:
        case "Entity":
            return _entity(draw, shape.entity, ids)
        case "Set":
            assert shape.element is not None
            return [_value(draw, shape.element, ids, pool, name) for _ in range(draw(_below(4)))]
        case "Record":
            return _record(draw, shape.fields, ids, pool)
        case kind:
            # Nine in ten are near what the policies compare with, where they compare.
            near: Mapping[str, list[Any]] = {} if pool is None else pool.get(name, pool[""])
            known = near.get(kind, [])
            if known and draw(_below(10)) < 9:
                return _next_to(known[draw(_below(len(known)))], draw(_below(6)))
            return draw(_plain(kind))


def _next_to(value: Any, step: int) -> Any:
    """The value for two steps of six; or the one before or after it, or the smallest or largest of its kind."""
    by = {2: 1, 3: -1, 4: 2 * _LONG, 5: -2 * _LONG}.get(step, 0)
    match value:
        case int():
            return max(-_LONG, min(_LONG - 1, value + by))
        case Decimal():
            return Decimal(max(-_LONG, min(_LONG - 1, int(value.scaleb(4)) + by))).scaleb(-4)
        case dt.datetime() | dt.timedelta():
            # Python has fewer of them than Cedar.
            try:
                return value + dt.timedelta(milliseconds=by if abs(by) < 2 else 0)
            except OverflowError:
                return value
        case _:
            return value


def _record(
    draw: DrawFn, fields: tuple[tuple[str, _Shape, bool], ...], ids: _Ids, pool: _Pool | None = None
) -> dict[str, Any]:
    """A record; of its optional fields, three in four are there."""
    return {
        name: _value(draw, shape, ids, pool, name)
        for name, shape, required in fields
        if required or draw(_below(4))
    }


def _entity(draw: DrawFn, type: str, ids: _Ids) -> EntityUid:
    """One that is there, or any that could be where there is none."""
    there = ids.get(type)
    return EntityUid(type, there[draw(_below(len(there)))] if there else draw(_texts()))


@cache
def _below(end: int) -> SearchStrategy[int]:
    from hypothesis import strategies as st

    return st.integers(0, end - 1)


@cache
def _texts() -> SearchStrategy[str]:
    from hypothesis import strategies as st

    # Half of them are such as people write; the others are any that UTF-8 can hold.
    plain = st.text("abcdefghij0123456789-_", min_size=1, max_size=6)
    return plain | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@cache
def _plain(kind: str) -> SearchStrategy[Any]:
    """Values of a type that holds no others."""
    from hypothesis import strategies as st

    def instant(day: int, ms: int) -> dt.datetime:
        return _FIRST + dt.timedelta(days=day, milliseconds=ms)

    def interface(address: Any, prefix: int) -> Any:
        return ipaddress.ip_interface((int(address), prefix))

    longs = st.integers(-_LONG, _LONG - 1)
    match kind:
        case "Bool":
            return st.booleans()
        case "Long":
            return st.integers(-4, 4) | longs
        case "String":
            return _texts()
        case "decimal":
            return longs.map(lambda n: Decimal(n).scaleb(-4))
        case "duration":
            return st.integers(-(10**12), 10**12).map(lambda ms: dt.timedelta(milliseconds=ms))
        case "datetime":
            return st.builds(instant, st.integers(0, _DAYS), st.integers(0, 86_399_999))
        case "ipaddr":
            return st.ip_addresses() | st.builds(interface, st.ip_addresses(v=4), st.integers(0, 31))
        case _:
            raise ValueError(f"no values of the type {kind} are known")
