"""Changesets as forms: names, ids, values and errors of inputs, nested as deep as the changeset is.

The rules are those of `Phoenix.HTML.FormData` for changesets (https://hexdocs.pm/phoenix_ecto/Phoenix.HTML.html), and
of `inputs_for` and `used_input?` (https://hexdocs.pm/phoenix_live_view/Phoenix.Component.html).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, TypeAlias, cast, final

from ectype.errors import SchemaError
from ectype.expr.operand import Attr
from ectype.schema.arguments import required_arguments
from ectype.schema.changeset import Changeset, change
from ectype.schema.changeset_data import ChangesetData
from ectype.schema.embed_relations import EmbedRelation, relation_named, relation_of_member
from ectype.schema.embeds import Embed
from ectype.schema.field_error import Error, FieldError, Translate
from ectype.schema.members import field_name
from ectype.schema.meta import SchemaInfo, meta, struct_info
from ectype.schema.nesting import shown
from ectype.schema.rel import Rel
from ectype.schema.relations import Relation
from ectype.schema.stored_value import value_of
from ectype.schema.structs import UNSET
from ectype.web_integration.form_values import Attributes, html_text, input_validations

Member: TypeAlias = Attr[Any, Any] | Rel[Any, Any] | Embed[Any, Any] | str
"""A field, association or embed, as `User.email`, or its name."""
Hidden: TypeAlias = tuple[str, str]

PERSISTENT_ID: Final = "_persistent_id"
UNUSED: Final = "_unused_"
_QUIET: Final = (None, "ignore")
"""The actions of a form that shows no errors."""
_NO_PARAMS: Final[Mapping[str, Any]] = {}


def to_form(
    changeset: ChangesetData[Any],
    *,
    as_: str | None = None,
    id: str | None = None,  # noqa: A002  # HTML's word
    action: str | None = None,
    translate: Translate | None = None,
) -> Form:
    """Return the form of a changeset, for a template: `form["email"]` is an input, `form.inputs_for("posts")` forms.

    Errors are there once something was done: while the changeset has no action (or `ignore`), there are none. The
    changeset of an InvalidChangesetError has one.

    Args:
        changeset: the changeset.
        as_: under which name the params come: `user` makes `user[email]`. The schema's name in snake case when not
            given; a changeset without a schema has none.
        id: what ids begin with; the name when not given.
        action: an action instead of the changeset's own, as `validate`.
        translate: as `Error.text` takes it.

    Raises:
        SchemaError: it is no changeset, or one without a schema and no `as_`.

    Example:
        form = to_form(registration(User, params), action="validate")
    """
    given: Any = changeset
    if not isinstance(given, ChangesetData):
        raise SchemaError(f"a form is made of a changeset, got {given!r:.60}", hint="write `to_form(change(user))`")
    name = as_ or _snake(changeset.info)
    return Form(
        source=changeset,
        name=name,
        id=id or _id(name),
        action=changeset.action if action is None else action,
        translate=translate,
    )


@final
@dataclass(frozen=True, eq=False, repr=False)
class Form:
    """The form of a changeset, or of one of those inside it.

    Attributes:
        source: the changeset.
        name: what names of inputs begin with: `user`, `user[posts][0]`.
        id: what ids begin with: `user`, `user_posts_0`.
        action: what was done; None or `ignore` before, and then there are no errors.
        translate: who translates the messages.
        index: its position among those of a relation of many; else None.
        hidden: names and values that the form must send too: the primary key of an entry, its tag, its place.
    """

    source: ChangesetData[Any]
    name: str
    id: str
    action: str | None = None
    translate: Translate | None = None
    index: int | None = None
    hidden: tuple[Hidden, ...] = ()

    @property
    def params(self) -> Mapping[str, Any]:
        """What the changeset was cast from."""
        return self.source.params or _NO_PARAMS

    @property
    def method(self) -> str:
        """`put` for a struct that was loaded, else `post`."""
        data = self.source.data
        return "put" if not self.source.info.schemaless and meta(data).state == "loaded" else "post"

    @cached_property
    def errors(self) -> tuple[FieldError, ...]:
        """The errors of the changeset itself; () before an action. Values of redacted fields are in none of them."""
        if self.action in _QUIET:
            return ()
        return tuple([(str(path[0]), error) for path, error in self.source.located_errors() if len(path) == 1])

    def __getitem__(self, member: Member) -> FormField:
        """Return the input of a field: by its column or its name.

        Raises:
            SchemaError: the changeset knows nothing of that name: no member, no param, no validation and no error.
        """
        return FormField(self, self._name_of(member))

    def input_name(self, key: str) -> str:
        """Return the name under which a param of the form comes, of a key that is no field: `user[posts_drop]`."""
        return f"{self.name}[{key}]"

    def inputs_for(
        self,
        member: Member,
        *,
        with_: Callable[..., Any] | None = None,
        prepend: Sequence[Any] = (),
        append: Sequence[Any] = (),
        as_: str | None = None,
        id: str | None = None,  # noqa: A002  # HTML's word
    ) -> tuple[Form, ...]:
        """Return the forms of an association or embed: of the changes, else of what the struct has.

        A relation of one has one form, of a new entry when there is none; it has none after its entry was taken away.
        Entries that are replaced have none.

        Args:
            member: the association or embed, as `User.posts`.
            with_: makes the changeset of an entry that the struct has, as for `cast_assoc`: the browser's attributes
                come from it. The schema's own `changeset` when not given.
            prepend: structs of further entries, in front, while the params say nothing of the relation.
            append: the same, behind.
            as_: a name instead of `user[posts]`.
            id: an id instead of `user_posts`.

        Raises:
            SchemaError: it is no association or embed; `prepend` or `append` for one of one entry.
            NotLoadedError: a loaded struct does not have it loaded.
        """
        relation = self._relation(member)
        if not relation.many and (prepend or append):
            raise SchemaError(
                f"`prepend` and `append` are for many entries, and `{relation.label}` holds one",
                hint="give the struct a default entry",
            )
        name = as_ or self.input_name(relation.name)
        base = id or f"{self.id}_{relation.name}"
        sources = self._sources(relation, with_, [*prepend], [*append])
        if not relation.many:
            return tuple([self._child(relation, source, name, base, None, ()) for source in sources])
        places = _places([source.params or _NO_PARAMS for source in sources])
        return tuple(
            [
                self._child(relation, source, f"{name}[{index}]", f"{base}_{place}", index, ((PERSISTENT_ID, place),))
                for index, (source, place) in enumerate(zip(sources, places, strict=True))
            ]
        )

    def _relation(self, member: Member) -> Relation:
        info = self.source.info
        if isinstance(member, str):
            if member in info.associations or member in info.embeds:
                return relation_named(info, member, "inputs_for")
            known = [*info.associations, *info.embeds]
            raise SchemaError(
                f"{info.name} has no association or embed {member!r:.60}",
                hint=f"it has: {', '.join(known) or 'none'}",
            )
        return relation_of_member(info, member, "inputs_for")

    def _sources(
        self, relation: Relation, with_: Callable[..., Any] | None, prepend: list[Any], append: list[Any]
    ) -> list[ChangesetData[Any]]:
        changes = self.source.changes
        if relation.name in changes:
            change_: Any = changes[relation.name]
            entries: tuple[Any, ...] = change_ if change_.__class__ is tuple else () if change_ is None else (change_,)
            return shown(entries)
        held: Any = relation.held(self.source.data)
        if relation.many:
            structs: list[Any] = [] if held is UNSET or held is None else list(held)
            if relation.name not in self.params:
                structs = [*prepend, *structs, *append]
        else:
            absent = held is UNSET or held is None
            structs = [relation.build(self.source.data, relation.related) if absent else held]
        return [_begun(one, with_, position) for position, one in enumerate(structs)]

    def _child(
        self,
        relation: Relation,
        source: ChangesetData[Any],
        name: str,
        id_: str,
        index: int | None,
        hidden: tuple[Hidden, ...],
    ) -> Form:
        action = None if self.action in _QUIET else source.action
        more = (*hidden, *_key(relation, source))
        return Form(source, name, id_, action, self.translate, index, more)

    def _name_of(self, member: Member) -> str:
        info = self.source.info
        if isinstance(member, Rel):
            return self._relation(member).name
        if isinstance(member, Embed):
            return self._relation(member).name
        if not isinstance(member, str):
            return field_name(info, member)
        source = self.source
        if (
            member in info.declarations
            or member in info.associations
            or member in info.embeds
            or member.removesuffix("_confirmation") in info.declarations
            or any(one.field == member for one in source.validations)
            or any(key == member for key, _ in source.errors)
            or member in self.params
        ):
            return member
        raise SchemaError(f"{info.name} has no field {member!r:.60}", hint=info.suggest(member))

    def __repr__(self) -> str:
        return f"<Form {self.name!r} of {self.source!r}>"


@final
@dataclass(frozen=True, eq=False, repr=False)
class FormField:
    """An input of a form.

    Attributes:
        form: its form.
        key: the name of the field.
    """

    form: Form
    key: str

    @property
    def name(self) -> str:
        """The input's name: `user[email]`."""
        return self.form.input_name(self.key)

    @property
    def id(self) -> str:
        """The input's id: `user_email`."""
        return f"{self.form.id}_{self.key}"

    @property
    def value(self) -> Any:
        """What the input shows: the change, else what was sent, else what the struct has; None for nothing.

        The value of a redacted field is never shown, nor that of its confirmation.
        """
        source, key = self.form.source, self.key
        if key in source.info.redacted or key.removesuffix("_confirmation") in source.info.redacted:
            return None
        if key in source.info.associations or key in source.info.embeds:
            return None
        if key in source.changes:
            return source.changes[key]
        if key in self.form.params:
            return self.form.params[key]
        found = value_of(source.data, key, UNSET) if key in source.info.declarations else UNSET
        return None if found is UNSET else found

    def text(self, kind: str = "text") -> str:
        """Return the value as an input of a type holds it: `text`, `number`, `datetime-local`; not escaped."""
        return html_text(self.value, kind)

    def texts(self) -> list[str]:
        """Return the values as texts, one each of a list: those that are selected among options."""
        value = self.value
        listed = cast("Iterable[object]", value) if isinstance(value, list | tuple | set | frozenset) else [value]
        return [html_text(one) for one in listed if one is not None]

    def option(self, value: object) -> str:
        """Return a value among those to choose from as the text that `texts()` has for it."""
        return html_text(value)

    @property
    def checked(self) -> bool:
        """Whether a checkbox of the field is checked."""
        return self.text() in ("true", "on", "1")

    @property
    def validations(self) -> Attributes:
        """The attributes by which a browser checks it: `{"required": True, "maxlength": 100}`."""
        return input_validations(self.form.source, self.key)

    @property
    def failures(self) -> tuple[Error, ...]:
        """The errors of the field, as the changeset has them; () before an action."""
        return tuple([error for key, error in self.form.errors if key == self.key])

    @property
    def errors(self) -> list[str]:
        """The messages of the field; [] before an action."""
        return [error.text(self.form.translate) for error in self.failures]

    @property
    def used(self) -> bool:
        """Whether somebody has been at the input: `_unused_email` among the params says that nobody has.

        A client that marks no input so has sent the whole form, so that all of it counts.
        """
        return _used(self.form.params, self.key)

    @property
    def shown_errors(self) -> list[str]:
        """The messages to show: those of an input that somebody has been at."""
        return self.errors if self.used else []

    def __repr__(self) -> str:
        return f"<FormField {self.name!r}>"


def _used(params: Mapping[str, Any], key: str) -> bool:
    if f"{UNUSED}{key}" in params:
        return False
    if key in params:
        value = params[key]
        return _any_used(cast("Mapping[Any, Any]", value)) if isinstance(value, Mapping) else True
    return bool(params) and not _marks(params)


def _marks(params: Mapping[Any, Any]) -> bool:
    return any(isinstance(key, str) and key.startswith(UNUSED) for key in params)


def _any_used(params: Mapping[Any, Any]) -> bool:
    for key, value in params.items():
        if not isinstance(key, str) or key.startswith(UNUSED) or f"{UNUSED}{key}" in params:
            continue
        if not isinstance(value, Mapping) or _any_used(cast("Mapping[Any, Any]", value)):
            return True
    return False


_PLACE: Final = re.compile(r"[0-9]{1,6}\Z")


def _places(sent: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the places of entries, which stay theirs while others come and go: those sent, else the next free."""
    taken: set[str] = set()
    found: list[str | None] = []
    for params in sent:
        place = params.get(PERSISTENT_ID)
        known = isinstance(place, str) and _PLACE.match(place) is not None and place not in taken
        found.append(cast("str", place) if known else None)
        if known:
            taken.add(cast("str", place))
    free = (place for number in range(len(taken), 2 * len(sent) + 1) if (place := str(number)) not in taken)
    return [next(free) if place is None else place for place in found]


def _key(relation: Relation, source: ChangesetData[Any]) -> list[Hidden]:
    """Return what an entry is recognised by: its tag in a union, and its primary key where it has one."""
    names = [*source.info.primary_key]
    if isinstance(relation, EmbedRelation) and relation.type.tag is not None:
        names.insert(0, relation.type.tag)
    values = [(name, value_of(source.data, name, UNSET)) for name in names]
    return [(name, html_text(value)) for name, value in values if value is not UNSET and value is not None]


def _begun(struct: Any, with_: Callable[..., Any] | None, position: int) -> ChangesetData[Any]:
    make: Any = with_ or getattr(struct_info(struct).schema, "changeset", None)
    if make is None:
        return change(struct)
    more = (position,) if required_arguments(make) == 3 else ()
    made: object = make(struct, {}, *more)
    if not isinstance(made, Changeset):
        raise SchemaError(
            f"what makes the changeset of a {type(struct).__name__} returns one, got {made!r:.60}",
            hint="write `def changeset(struct, params): return change(struct).cast(params, …)`",
        )
    return cast("ChangesetData[Any]", made)


def _snake(info: SchemaInfo) -> str:
    if info.schemaless:
        raise SchemaError(
            "the form of a changeset without a schema needs a name", hint='write `to_form(changeset, as_="search")`'
        )
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", info.name).lower()


def _id(name: str) -> str:
    return re.sub(r"[\[\]]+", "_", name).strip("_")
