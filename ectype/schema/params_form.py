"""The params that a changeset takes, as JSON Schema: what is permitted, what is needed, and the rules it was given.

JSON Schema says less than a changeset can: a function of `validate_change` and a constraint of the database are no part
of it. What it says is for those who send params; whether they are right is for the changeset to say.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final, TypeAlias, cast

from ectype.errors import SchemaError
from ectype.schema.changeset_data import ChangesetData, Validation
from ectype.schema.json_form import pydantic
from ectype.schema.meta import FieldInfo
from ectype.schema.problem import plain
from ectype.schema.reading import is_missing
from ectype.schema.stored_value import value_of
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
    required. Text is measured in code points, and a pattern that JavaScript does not know is left out.

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

    def __get_pydantic_core_schema__(self, _source: Any, handler: Any) -> Any:
        """Tell pydantic what the params are."""
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
    fields = {name: changeset.info.fields[name] for name in changeset.permitted}
    if not fields:
        raise SchemaError(
            f"the changeset of {changeset.info.name} takes no params: nothing was cast",
            hint="let the function cast what it is given, also when that is empty",
        )
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
    return ParamsForm(changeset.info.name, tuple(params.values()), tuple(dict.fromkeys(required)))


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
