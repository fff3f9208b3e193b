"""The params that a changeset takes, as JSON Schema: what is permitted, what is needed, and the rules it was given.

JSON Schema says less than a changeset can: a function of `validate_change` and a constraint of the database are no part
of it. What it says is for those who send params; whether they are right is for the changeset to say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from itertools import count
from typing import Any, Final, TypeAlias, cast

from ectype.errors import NotLoadedError, SchemaError
from ectype.schema.changeset_data import ChangesetData, RelationCast, Validation
from ectype.schema.json_form import pydantic
from ectype.schema.meta import FieldInfo, SchemaInfo
from ectype.schema.problem import plain
from ectype.schema.reading import is_missing
from ectype.schema.relations import Relation, child_of
from ectype.schema.stored_value import value_of
from ectype.schema.structs import UNSET
from ectype.types.base import Type
from ectype.types.containers import ArrayType, Json
from ectype.types.struct_form import ParamForm, ParamsForm
from ectype.types.vector import Vector

Rules: TypeAlias = dict[str, Any]
Source: TypeAlias = ChangesetData[Any] | Callable[[Mapping[str, object]], ChangesetData[Any]]
"""A changeset, or the function that makes it of params."""


def changeset_schema(source: Source) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of the params that a changeset takes.

    Fields are those that were cast; their rules those of `validate_required`, `_length`, `_format`, `_inclusion`,
    `_exclusion`, `_subset`, `_number`, `_confirmation` and `_acceptance`. A field that has a value already is not
    required. Relations that were cast say the params of their entries, by the function that makes their changesets,
    which is asked for those of a new entry without params. Text is measured in code points, and a pattern that
    JavaScript does not know is left out.

    Args:
        source: a changeset; or the function that makes one of params, which is called with none.

    Raises:
        SchemaError: it is neither, or nothing was cast.

    Example:
        changeset_schema(lambda params: registration(User, params))["required"]     # ["name", "email"]
    """
    made: dict[str, Any] = pydantic().json_schema_of(params_of(source), "validation")
    return made


class params_of:  # noqa: N801  # it stands in annotations, where a call is read as a word
    """Says in an annotation that a request's body holds the params of a changeset, which documents it.

    The body may be any JSON object: the changeset says what is wrong with it, in its own words.

    Args:
        source: as `changeset_schema` takes it.

    Example:
        @app.post("/users", status_code=201)
        async def create(params: Annotated[Params, params_of(registration)]) -> User:
            return await repo.insert(registration(params))
    """

    __slots__ = ("source",)

    def __init__(self, source: Source) -> None:
        self.source = source

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        """Tell pydantic what the params are."""
        if source is not self:
            # pydantic keeps what a schema refers to only where it asks a type, and not where it asks its annotation.
            return handler.generate_schema(self)
        return pydantic().params_schema(params_form(self.source), handler)


def params_form(source: Any) -> ParamsForm:
    """Return what is known of the params of a changeset."""
    made: object = source({}) if callable(source) else source
    if not isinstance(made, ChangesetData):
        raise SchemaError(
            f"a changeset was expected, or a function of params that makes one, got {source!r:.80}",
            hint="write `params_of(lambda params: registration(User, params))`",
        )
    changeset = cast("ChangesetData[Any]", made)
    if not changeset.permitted and not changeset.casts:
        raise SchemaError(
            f"the changeset of {changeset.info.name} takes no params: nothing was cast",
            hint="let the function cast what it is given, also when that is empty",
        )
    return ParamsForm(changeset.info.name, *_members(changeset, ()))


def _members(changeset: ChangesetData[Any], above: Above) -> tuple[tuple[ParamForm, ...], tuple[str, ...]]:
    """Return the params of a changeset, and the keys that it cannot do without."""
    fields = {name: changeset.info.fields[name] for name in changeset.permitted}
    required = [one for one in fields if one in changeset.required and is_missing(value_of(changeset.data, one))]
    params = {name: _param(one, changeset) for name, one in fields.items()}
    for done in changeset.validations:
        if done.kind == "confirmation" and done.field in params:
            key = f"{done.field}_confirmation"
            params[key] = replace(params[done.field], name=key)
            required += [key] if dict(done.options).get("required") else []
        elif done.kind == "acceptance":
            params[done.field] = ParamForm(done.field, None, nullable=False, rules={"const": True})
            required.append(done.field)
    for one in changeset.casts:
        relation: Relation = one.relation
        params[relation.name] = _relation(one, changeset, above)
        for key in (one.sort_param, one.drop_param):
            if key is not None:
                params[key] = ParamForm(key, None, nullable=False, rules=_INDEXES)
        if relation.name in changeset.required and not _holds(relation, changeset.data):
            required.append(relation.name)
    return tuple(params.values()), tuple(dict.fromkeys(required))


# --- entries of relations ---------------------------------------------------------------------------------------------


class _Level:
    """One of the functions that are being asked, so that one which is asked again is said by its name."""

    __slots__ = ("made_by", "name")

    def __init__(self, made_by: tuple[Any, SchemaInfo]) -> None:
        self.made_by = made_by
        self.name: str | None = None


_NUMBERS: Final = count()
"""What tells apart the levels of one schema; in the form of pydantic's own names, from which it makes short ones."""
Above: TypeAlias = tuple[_Level, ...]
_DEPTH: Final = 16
"""How deep entries are said: functions made anew at each call could hold themselves without an end."""
_INDEXES: Final[Rules] = {"type": "array", "items": {"type": ["string", "integer"]}}


def _holds(relation: Relation, data: Any) -> bool:
    """Whether a struct has entries already, as far as anyone knows."""
    try:
        held = relation.held(data)
    except NotLoadedError:
        return True
    return held is not UNSET and held is not None and held != []


def _relation(one: RelationCast, changeset: ChangesetData[Any], above: Above) -> ParamForm:
    relation: Relation = one.relation
    needed = relation.name in changeset.required
    rules: Rules = {"minItems": 1} if needed and relation.many else {}
    for done in changeset.validations:
        if done.field == relation.name and done.kind == "length":
            told = dict(done.options)
            least, most = told.get("is", told.get("min")), told.get("is", told.get("max"))
            rules |= {key: bound for key, bound in (("minItems", least), ("maxItems", most)) if bound is not None}
    return ParamForm(
        relation.name,
        None,
        nullable=not relation.many and not needed,
        rules=rules,
        entries=tuple([_entry(one, info, changeset, above) for info in relation.schemas]),
        many=relation.many,
        indexed=one.sort_param is not None or one.drop_param is not None,
    )


def _entry(one: RelationCast, info: SchemaInfo, changeset: ChangesetData[Any], above: Above) -> ParamsForm:
    """Return the params of an entry of one schema, asking the function of entries as for a new one without params."""
    relation: Relation = one.relation
    function, wants_position = one.make(info)
    made_by = (getattr(function, "__code__", function), info)
    for level in above:
        if level.made_by == made_by:
            level.name = level.name or f"{info.schema.__module__}.{info.schema.__qualname__}:{next(_NUMBERS)}"
            return ParamsForm(info.name, (), (), level.name, again=True)
    if len(above) == _DEPTH:
        return ParamsForm(info.name, (), ())
    struct = relation.build(changeset.data, info)
    child: ChangesetData[Any] = child_of(
        changeset,
        function(struct, {}, *((0,) if wants_position else ())),
        relation,
        f"the `with_` of `{relation.label}` returns",
    )
    level = _Level(made_by)
    params, required = _members(child, (*above, level))
    known = {param.name for param in params}
    keys = () if relation.on_replace == "update" else info.primary_key
    named = [ParamForm(name, info.fields[name].type, nullable=True) for name in keys if name not in known]
    tag = relation.tag
    if tag is not None:
        params = (ParamForm(tag, info.fields[tag].type, nullable=False), *[one for one in params if one.name != tag])
        required = (tag, *[name for name in required if name != tag])
    return ParamsForm(info.name, (*named, *params), required, level.name)


# --- fields -----------------------------------------------------------------------------------------------------------


def _param(field: FieldInfo, changeset: ChangesetData[Any]) -> ParamForm:
    needed = field.name in changeset.required
    form = field.type.json_form()
    own: Mapping[str, Any] = {} if form is None else form.accepts or form.schema
    text = form is not None and form.dump is None and own.get("type") == "string"
    rules: Rules = {"minLength": 1} if needed and text and "minLength" not in own else {}
    notes: Rules = {}
    for done in changeset.validations:
        if done.field == field.name and done.kind in _RULES:
            _add(rules, own, _RULES[done.kind](field.type, done))
    options = field.options
    if options.has_default and options.default is not None and field.name not in changeset.info.redacted:
        notes["default"] = plain(_said(field.type)(options.default))
    if field.name in changeset.info.redacted:
        notes["writeOnly"] = True
        if text:
            rules["format"] = "password"
    return ParamForm(field.name, field.type, field.nullable and not needed, rules, notes)


def _add(rules: Rules, own: Mapping[str, Any], more: Rules) -> None:
    """Add rules to others, and to those that the type has of its own; what is said already stays, and both hold."""
    if rules.get("minLength") == 1 and more.get("minLength", 0) > 0:
        del rules["minLength"]
    if more.keys() & {*rules, *own, "items"}:
        rules.setdefault("allOf", []).append(more)
    else:
        rules.update(more)


def _said(type_: Type[Any]) -> Callable[[Any], Any]:
    form = type_.json_form()
    return (lambda value: value) if form is None or form.dump is None else form.dump


# --- what JSON Schema says of a validation ----------------------------------------------------------------------------


def _length(type_: Type[Any], done: Validation) -> Rules:
    noun = "Items" if isinstance(type_, ArrayType | Vector) else "Length"
    if isinstance(type_, Json):
        noun = "Properties" if type_.roots == (dict,) else "Items"
    told = dict(done.options)
    least, most = told.get("is", told.get("min")), told.get("is", told.get("max"))
    if told.get("count") == "bytes" and least is not None:
        # A code point takes up to four bytes, and JSON Schema counts code points.
        least = -(-least // 4)
    return {key: bound for key, bound in ((f"min{noun}", least), (f"max{noun}", most)) if bound is not None}


_UNKNOWN: Final = re.compile(r"\(\?(?:P=|P>|#|\(|>|[aiLmsux-])|[*+?}]\+|\\[AZ]|\\N\{")
"""What Python's regular expressions have and JavaScript's do not."""
_DEFAULT_FLAGS: Final = re.compile("").flags


def _format(_: Type[Any], done: Validation) -> Rules:
    pattern: re.Pattern[str] = done.options
    text = pattern.pattern.replace("(?P<", "(?<")
    text = "^" + text[2:] if text.startswith(r"\A") else text
    text = text[:-2] + "$" if text.endswith(r"\Z") and not text.endswith(r"\\Z") else text
    return {} if _UNKNOWN.search(text) or pattern.flags != _DEFAULT_FLAGS else {"pattern": text}


def _values(type_: Type[Any], done: Validation) -> list[Any]:
    say = _said(type_)
    return [None if one is None else plain(say(one)) for one in done.options]


def _subset(type_: Type[Any], done: Validation) -> Rules:
    element = type_.element if isinstance(type_, ArrayType) else type_
    return {"items": {"enum": _values(element, done)}}


_BOUNDS: Final = {
    "less_than": "exclusiveMaximum",
    "greater_than": "exclusiveMinimum",
    "less_than_or_equal_to": "maximum",
    "greater_than_or_equal_to": "minimum",
    "equal_to": "const",
}


def _number(_: Type[Any], done: Validation) -> Rules:
    rules: Rules = {_BOUNDS[rule]: _bare(bound) for rule, bound in done.options if rule in _BOUNDS}
    unlike = [_bare(bound) for rule, bound in done.options if rule == "not_equal_to"]
    return {**rules, "not": {"enum": unlike}} if unlike else rules


def _bare(bound: Any) -> Any:
    if isinstance(bound, Decimal):
        return int(bound) if bound == bound.to_integral_value() else float(bound)
    return bound


_RULES: Final[Mapping[str, Callable[[Type[Any], Validation], Rules]]] = {
    "length": _length,
    "format": _format,
    "inclusion": lambda type_, done: {"enum": _values(type_, done)},
    "exclusion": lambda type_, done: {"not": {"enum": _values(type_, done)}},
    "subset": _subset,
    "number": _number,
}
