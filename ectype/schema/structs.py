"""What a struct does: it is made, read, compared, printed, copied and pickled, and never changes.

The layout (slots on a storage base, a frozen class that people see, a mutable twin for loading) is made by
`ectype.schema.schema`; the functions here are what the frozen class has for methods.
"""

from __future__ import annotations

from collections.abc import Collection
from reprlib import recursive_repr
from types import EllipsisType
from typing import Any, NoReturn, TypeVar, get_args

from ectype.errors import FrozenError, SchemaError
from ectype.schema.meta import Meta, SchemaInfo, State, intern_meta, meta, struct_info

M = TypeVar("M")


class Unset:
    """The mark of a member without a value; it prints as `<unset>`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<unset>"

    def __reduce__(self) -> str:
        """Pickle and copy to the one mark."""
        return "UNSET"


UNSET = Unset()
HIDDEN = frozenset({"_meta", "_frozen", "_partial"})
"""Slots that are no members: where a struct came from, what its lists and documents were when it was loaded, and of
which associations only some rows were loaded."""


def _no_member(info: SchemaInfo, name: str) -> SchemaError:
    return SchemaError(f"{info.name} has no member `{name}`", hint=info.suggest(name))


def construct(self: Any, /, **values: Any) -> None:
    """Make a struct from the members' values; what has a default and is not given gets it, the rest stays unset."""
    info: SchemaInfo = self.__schema__
    slots = info.slots
    for name, value in values.items():
        if name not in slots or name in HIDDEN:
            raise _no_member(info, name)
        slots[name].__set__(self, value)
    for name, options in info.defaults:
        if name not in values:
            factory = options.default_factory
            slots[name].__set__(self, options.default if factory is None else factory())
    slots["_meta"].__set__(self, info.built)


def refuse_set(self: Any, name: str, _value: object) -> NoReturn:
    """Refuse assignment, with the ways to get what was wanted."""
    schema = self.__schema__.name
    raise FrozenError(
        f"a struct never changes: `{schema}.{name}` cannot be set",
        hint=f"copy it with `evolve(struct, {name}=…)`, or store a change with "
        f"`repo.update(change(struct).put_change({schema}.{name}, …))`",
    )


def refuse_delete(self: Any, name: str) -> NoReturn:
    """Refuse deletion of a member."""
    raise FrozenError(f"a struct never changes: `{self.__schema__.name}.{name}` cannot be deleted")


def values_of(struct: Any) -> dict[str, Any]:
    """Return the fields that have a value, virtual ones too, by name."""
    info = struct_info(struct)
    found: dict[str, Any] = {}
    for name in info.field_names:
        value = getattr(struct, name, UNSET)
        if value is not UNSET:
            found[name] = value
    return found


def equals(self: Any, other: object) -> Any:
    """Compare class and field values; associations and meta do not count."""
    if other.__class__ is not self.__class__:
        return NotImplemented
    return values_of(self) == values_of(other)


def key_hash(self: Any) -> int:
    """Hash class and primary key. Raises SchemaError while the key is unset, since it would change on insert."""
    info: SchemaInfo = self.__schema__
    key = tuple(getattr(self, name, UNSET) for name in info.primary_key)
    if not key or UNSET in key or None in key:
        raise SchemaError(
            f"{info.name} cannot be hashed {'while its primary key is unset' if key else 'without a primary key'}",
            hint="insert it first, or use a list, or a dict keyed by a value of your own",
        )
    return hash((self.__class__, key))


@recursive_repr()
def represent(self: Any) -> str:
    """Print what a person needs: every field, `<unset>`, `<redacted>` and `<not loaded>` included."""
    info: SchemaInfo = self.__schema__
    parts: list[str] = []
    for name in info.field_names:
        if name in info.redacted:
            parts.append(f"{name}=<redacted>")
        else:
            parts.append(f"{name}={getattr(self, name, UNSET)!r}")
    for name in info.associations:
        value = _slot_value(self, info, name)
        parts.append(f"{name}=<not loaded>" if value is UNSET else f"{name}={value!r}")
    return f"{info.name}({', '.join(parts)})"


def _slot_value(struct: Any, info: SchemaInfo, name: str) -> Any:
    try:
        return info.slots[name].__get__(struct)
    except AttributeError:
        return UNSET


def state_of(struct: Any) -> dict[str, Any]:
    """Return every slot that is set, by the name `construct` and `restore` know it by."""
    info = struct_info(struct)
    if info.unread:  # of these the attribute raises, to say how they are read
        return {name: value for name in info.slots if (value := _slot_value(struct, info, name)) is not UNSET}
    return {one: value for one, name in info.attributes if (value := getattr(struct, name, UNSET)) is not UNSET}


def restore(cls: type[M], state: dict[str, Any]) -> M:
    """Make a struct from `state_of`: what `evolve` and writes end with."""
    struct = _empty(cls)
    set_state(struct, state)
    return struct


def _empty(cls: type[M]) -> M:
    return object.__new__(cls)


def set_state(self: Any, state: dict[str, Any]) -> None:
    """Fill an empty struct with what `state_of` gave. Raises SchemaError for a member that its schema has lost."""
    info: SchemaInfo = self.__schema__
    slots = info.slots
    for name, value in state.items():
        if name not in slots:
            raise _no_member(info, name)
        slots[name].__set__(self, value)


def reduce(self: Any, _protocol: object) -> tuple[Any, ...]:
    """Pickle and copy by the slots that are set; they come last, so that structs may hold each other."""
    return _empty, (self.__class__,), state_of(self)


def evolve(struct: M, /, **values: Any) -> M:
    """Return a copy of a struct with other values; its state and loaded associations stay.

    Raises:
        SchemaError: for a name that the schema does not have.

    Example:
        `evolve(user, name="Ada")`; on Python 3.13 `copy.replace(user, name="Ada")` does the same.
    """
    info = struct_info(struct)
    for name in values:
        if name not in info.declarations and name not in info.associations:
            raise _no_member(info, name)
    return restore(struct.__class__, {**state_of(struct), **values})


def without(struct: M, names: Collection[str]) -> M:
    """Return a copy of a struct with some members as a new one has them: fields with their default, or unset."""
    info = struct_info(struct)
    state = state_of(struct)
    for name in names:
        state.pop(name, None)
    if "_partial" in state:
        state["_partial"] = partial_names(struct).difference(names)
    for name, options in info.defaults:
        if name in names:
            factory = options.default_factory
            state[name] = options.default if factory is None else factory()
    return restore(struct.__class__, state)


def partial_names(struct: Any) -> frozenset[str]:
    """Return the associations of which only some rows were loaded, by a filtered preload."""
    found: frozenset[str] = getattr(struct, "_partial", frozenset[str]())
    return found


def placed(struct: M, where: Meta) -> M:
    """Return a copy of a struct with another meta."""
    return restore(struct.__class__, {**state_of(struct), "_meta": where})


def with_meta(
    struct: M,
    *,
    state: State | EllipsisType = ...,
    source: str | EllipsisType = ...,
    prefix: str | EllipsisType | None = ...,
) -> M:
    """Return a copy of a struct that says it came from elsewhere: the repo writes it there. What is not given stays.

    Args:
        struct: the struct; its values, associations and key stay as they are.
        state: `built`, `loaded` or `deleted`: what `insert_or_update` goes by.
        source: another table of the same columns.
        prefix: the PostgreSQL schema or the attached database; None for the repo's own.

    Raises:
        SchemaError: for a state that does not exist, or what is no name.

    Example:
        `await repo.insert(with_meta(Post(title="Bees"), source="archived_posts", prefix="old"))`
    """
    now = meta(struct)
    if state is not ... and state not in get_args(State):
        raise SchemaError(f"the state of a struct is one of {', '.join(get_args(State))}, got {state!r:.60}")
    for what, name in (("source", source), ("prefix", prefix)):
        if name is ... or (name is None and what == "prefix"):
            continue
        if not isinstance(name, str) or not name.strip():
            raise SchemaError(f"the {what} of a struct is a name, got {name!r:.60}")
    return placed(
        struct,
        intern_meta(
            now.state if state is ... else state,
            now.source if source is ... else source,
            now.prefix if prefix is ... else prefix,
        ),
    )
