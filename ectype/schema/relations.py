"""Relations in a changeset: entries are compared with what a struct has, by primary key, and become changesets.

What an entry is (params, a struct, values) is the business of `relation_casts` and `relation_puts`; what a relation is
(an association, an embed), of the subclass of `Relation`. The rules are Ecto's
(https://hexdocs.pm/ecto/Ecto.Changeset.html#module-associations-embeds-and-on-replace).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple, NoReturn, TypeAlias, TypeVar, cast

from ectype.errors import EctypeError, SchemaError
from ectype.schema.changeset_data import ChangesetData, begun, draft, sealed, settled, with_errors
from ectype.schema.field_error import Error, Message, refusal
from ectype.schema.messages import INVALID, TAKEN
from ectype.schema.meta import SchemaInfo, struct_info
from ectype.schema.structs import UNSET

C = TypeVar("C", bound=ChangesetData[Any])

Key: TypeAlias = tuple[Any, ...]
Strategy: TypeAlias = Literal["raise", "mark_as_invalid", "delete", "nilify", "update"]


class Relation(ABC):
    """One relation of a schema, as far as changesets need to know it.

    Attributes:
        kind: what its errors say in `validation`: `assoc` or `embed`.
        owner: the schema that has it.
        name: the member's name.
        related: the schema of its entries.
        many: whether it holds a list.
        on_replace: what happens to an entry that is there and not among the new ones.
        ordered: whether the same entries in another order are a change.
        unique: whether an entry that is named twice is an error.
    """

    kind: Literal["assoc", "embed"]
    ordered: bool

    def __init__(
        self, owner: SchemaInfo, name: str, related: SchemaInfo, *, many: bool, on_replace: Strategy, unique: bool
    ) -> None:
        self.owner = owner
        self.name = name
        self.related = related
        self.many = many
        self.on_replace: Strategy = on_replace
        self.unique = unique

    @property
    def label(self) -> str:
        """What people call it: `User.posts`."""
        if self.owner.schemaless:
            return f'types["{self.name}"]'
        return f"{self.owner.name}.{self.name}"

    @property
    def type_name(self) -> str:
        """What its params are, as an error says it."""
        return "array of map" if self.many else "map"

    @property
    def tag(self) -> str | None:
        """The member that says of which schema an entry is; None where there is one schema."""
        return None

    @abstractmethod
    def held(self, struct: Any) -> Any:
        """Return what a struct has: one, a list, None; UNSET where that stands for nothing.

        Raises:
            NotLoadedError: nobody knows what it has.
        """

    @abstractmethod
    def build(self, owner: Any, info: SchemaInfo) -> Any:
        """Return a new struct of a schema for an entry of an owner that is not there yet."""

    @abstractmethod
    def stored(self, struct: Any) -> bool:
        """Whether an entry that a struct has is in the database, so that replacing it means something."""

    @abstractmethod
    def action_of(self, struct: Any) -> str:
        """Return what is to be done with a struct that was not among the entries."""

    @property
    def schemas(self) -> tuple[SchemaInfo, ...]:
        """The schemas of its entries: several for an embed that is a union."""
        return (self.related,)

    def admits(self, info: SchemaInfo) -> bool:
        """Whether structs of a schema are its entries."""
        return info is self.related

    def schema_of(self, values: Mapping[str, Any]) -> SchemaInfo | None:  # noqa: ARG002  # an embed asks them
        """Return the schema of an entry that is given as values or params; None where they do not say which."""
        return self.related

    def alike(self, held: Any, made: Sequence[ChangesetData[Any]]) -> bool:  # noqa: ARG002  # as above
        """Whether entries that nothing recognises are those that are there."""
        return False

    def key_of(self, struct: Any) -> Key | None:
        """Return by what an entry is recognised; None for one that has no whole primary key."""
        names = struct_info(struct).primary_key
        key = tuple([getattr(struct, name, None) for name in names])
        return key if key and None not in key else None


class Entry(NamedTuple):
    """One of the new entries.

    Attributes:
        key: the primary key that it names; None where it names none.
        make: makes its changeset, from the struct that has this key, or from None.
        info: its schema.
    """

    key: Key | None
    make: Callable[[Any], Any]
    info: SchemaInfo


class Outcome(Enum):
    """What comes of comparing entries, when it is no change."""

    REFUSED = "an entry would be replaced, and that is an error of the changeset"
    SAME = "they say what the struct has"
    IGNORED = "the only entry wants to be left alone"


REFUSED: Final = Outcome.REFUSED
SAME: Final = Outcome.SAME
IGNORED: Final = Outcome.IGNORED


def compared_one(
    relation: Relation, changeset: ChangesetData[Any], entry: Entry | None, replaced: type[EctypeError]
) -> Any:
    """Return the changeset of the new entry, None for none; or an `Outcome`.

    Args:
        relation: one that holds one entry.
        changeset: that of its owner.
        entry: the new one, None for none.
        replaced: what is raised when an entry may not be replaced.
    """
    held = relation.held(changeset.data)
    current = None if held is UNSET else held
    stored = current is not None and relation.stored(current)
    if entry is None:
        if stored and not _may_replace(relation, replaced):
            return REFUSED
        return SAME if held is None else None
    matched = current is not None and _is_the_same(relation, entry, current, stored=stored)
    if stored and not matched and not _may_replace(relation, replaced):
        return REFUSED
    child = entry.make(current if matched else None)
    if child.action == "ignore":
        return IGNORED
    return SAME if matched and unchanged(child) else child


def _is_the_same(relation: Relation, entry: Entry, current: Any, *, stored: bool) -> bool:
    if struct_info(current) is not entry.info:
        return False
    key = entry.key
    if relation.on_replace == "update":
        return True
    known = relation.key_of(current)
    return (key is not None and key == known) or (key is None and known is None and not stored)


def compared_many(
    relation: Relation, changeset: ChangesetData[Any], entries: Sequence[Entry], replaced: type[EctypeError]
) -> Any:
    """Return the changesets of the entries, those that are replaced first; or an `Outcome`.

    The arguments are those of `compared_one`.
    """
    held = relation.held(changeset.data)
    left, keyless = _by_key(relation, () if held is UNSET else held)
    order = list(left)
    seen: set[Key] = set()
    made: list[Any] = []
    same = held is not UNSET
    for entry in entries:
        key = entry.key
        struct = None if key is None else left.get(key)
        if struct is not None and struct_info(struct) is entry.info:
            del left[cast("Key", key)]
        else:
            struct = None
        child = entry.make(struct)
        if child.action == "ignore":
            continue
        if relation.unique and key is not None and key in seen:
            child = with_errors(child, *[(name, Error(TAKEN)) for name in entry.info.primary_key])
        if key is not None:
            seen.add(key)
        same = same and struct is not None and unchanged(child)
        made.append(child)
    if relation.alike(held, made):
        return SAME
    removed = [*left.values(), *keyless]
    stored = [one for one in removed if relation.stored(one)]
    if stored and not _may_replace(relation, replaced):
        return REFUSED
    if same and not removed and (not relation.ordered or order == [relation.key_of(child.data) for child in made]):
        return SAME
    return (*[_replaced(changeset, one) for one in stored], *made)


def _by_key(relation: Relation, held: Sequence[Any]) -> tuple[dict[Key, Any], list[Any]]:
    """Return the entries that a struct has by their key, each row once, and those that have none."""
    known: dict[Key, Any] = {}
    keyless: list[Any] = []
    for struct in held:
        key = relation.key_of(struct)
        if key is None:
            keyless.append(struct)
        else:
            known.setdefault(key, struct)
    return known, keyless


def _replaced(changeset: C, struct: Any) -> C:
    made = begun(struct, struct_info(struct))
    made.seldom = made.seldom.doing("replace")
    return sealed(made, changeset.inner)


def unchanged(child: ChangesetData[Any]) -> bool:
    """Whether writing the changeset of an entry would change nothing."""
    return child.valid and not child.changes and child.action == "update"


def _may_replace(relation: Relation, replaced: type[EctypeError]) -> bool:
    if relation.on_replace != "raise":
        return relation.on_replace != "mark_as_invalid"
    what = "leave out an entry" if relation.many else "replace its entry"
    raise replaced(
        f"the new value of `{relation.label}` would {what} that is there, and its `on_replace` does not allow that",
        hint=f'say what happens to it where `{relation.label}` is declared, as `on_replace="delete"`; or name all that '
        f"are there, by their primary key: {', '.join(relation.related.primary_key) or 'there is none'}",
    )


def child_of(changeset: C, made: Any, relation: Relation, who: str) -> C:
    """Return what should be a changeset of an entry. Raises SchemaError when it is something else."""
    if made.__class__ is changeset.inner and relation.admits(made.info):
        child: C = made
        return child
    got = f"one of {made.info.name}" if made.__class__ is changeset.inner else f"{made!r:.60}"
    raise SchemaError(
        f"{who} a changeset of {relation.related.name}, got {got}",
        hint=f"write it as `def changeset({relation.related.name.lower()}, params): return change("
        f"{relation.related.name.lower()}).cast(params, …)`",
    )


def with_action(child: C, action: str) -> C:
    """Return the changeset of an entry with what is to be done with it, unless it says that itself."""
    if child.action is not None:
        return child
    made = draft(child)
    made.seldom = made.seldom.doing(action)
    return sealed(made, child.__class__)


def admitted(relation: Relation, child: C, allowed: tuple[str, ...]) -> C:
    """Return the changeset of an entry.

    Raises:
        SchemaError: what it wants done is not what may be done with this entry: params from outside could otherwise
            reach any row of the table.
    """
    action = child.action
    if action in allowed or action == "ignore":
        return child
    if action == "insert":
        raise SchemaError(
            f"an entry of `{relation.label}` cannot be inserted, since it is there already",
            hint='leave the action out, or say `.with_action("update")`',
        )
    if action in ("update", "delete", "replace") and "update" not in allowed:
        raise SchemaError(
            f"the action {action!r} was given to an entry of `{relation.label}` that is not among those of this "
            f"{relation.owner.name}: params must not reach rows that are not its own",
            hint="let `with_` say nothing of what it does not know; a row of another owner is moved by its foreign key",
        )
    raise SchemaError(
        f"an entry of `{relation.label}` has the action {action!r:.60}, which is none that can be written",
        hint=f"it may be one of {', '.join(allowed)}, ignore",
    )


def recorded(changeset: C, name: str, change: Any) -> C:
    """Return the changeset with what has become of a relation: a change, or an outcome that is none."""
    changes = changeset.changes
    if change is IGNORED or (change is SAME and name not in changes):
        return changeset
    changed = changes.copy()
    if change is SAME:
        del changed[name]
    else:
        changed[name] = change
    return settled(changeset, MappingProxyType(changed))


def invalid(changeset: C, relation: Relation, message: Message | None = None) -> C:
    """Return the changeset with the error of a relation that was given what it cannot be."""
    error = refusal(INVALID, message, validation=relation.kind, type=relation.type_name)
    return with_errors(changeset, (relation.name, error))


def refuse_member(info: SchemaInfo, name: object) -> NoReturn:
    """Raise SchemaError for a name that is no member of a schema."""
    raise SchemaError(f"{info.name} has no member {name!r:.60}", hint=info.suggest(str(name)))
