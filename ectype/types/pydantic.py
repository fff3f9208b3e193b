"""The types that pydantic builds: models, unions, dataclasses, typed dicts, and constrained scalars; and structs in it.

This is the only file that imports pydantic, and it is imported only when an annotation or an application needs it.
Adapters are strict and compiled once a type; what users see are Ecto's words, never pydantic's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from json import JSONDecoder
from typing import Annotated, Any, ClassVar, Final, Literal, cast, get_args, get_origin

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.errors import (
    PydanticInvalidForJsonSchema,
    PydanticSchemaGenerationError,
    PydanticUndefinedAnnotation,
    PydanticUserError,
)
from pydantic_core import PydanticCustomError, PydanticSerializationUnexpectedValue, SchemaValidator, core_schema

from ectype.errors import CastError, SchemaError
from ectype.result import Err, Ok
from ectype.types.base import Codec, JsonForm, Target, Type
from ectype.types.documents import encode, find_fault, is_too_deep, same, text_of
from ectype.types.refusals import refused, unreadable
from ectype.types.scalars import Scalar
from ectype.types.struct_form import LinkForm, ParamForm, ParamsForm, StructForm

_BASE64: Final = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")
_BASE64_CORE: Final = core_schema.CoreConfig(val_json_bytes="base64")
"""The same for a validator that is made without an adapter."""


def _compiled(annotation: Any) -> tuple[TypeAdapter[Any], core_schema.CoreConfig | None]:
    """Return the adapter of an annotation, and how its validator is configured where it does not say so itself."""
    try:
        # Else bytes would have to be UTF-8 to be stored.
        return TypeAdapter(annotation, config=_BASE64), _BASE64_CORE
    except PydanticUserError as exc:
        if exc.code != "type-adapter-config-unused":
            raise
        return TypeAdapter(annotation), None


def _failing_fast(adapter: TypeAdapter[Any], config: core_schema.CoreConfig | None) -> SchemaValidator:
    """Return a validator whose lists, however deep, stop at the first item that is refused: only one is ever told.

    Each other costs a microsecond, and 64 KiB hold thirty thousand. That a model inside is compiled anew, instead of
    taken as its class has it, can only be said by a private option; a pydantic without it tells the same, later.
    """
    schema = _with_stops(adapter.core_schema)
    try:
        return SchemaValidator(schema, config, _use_prebuilt=False)  # pyright: ignore[reportCallIssue]  # as said above
    except TypeError:
        return SchemaValidator(schema, config)


_SEQUENCES: Final = frozenset({"list", "tuple", "set", "frozenset"})
_NO_SCHEMAS: Final = frozenset({"cls", "config", "default", "expected", "metadata", "serialization"})


def _with_stops(schema: Any) -> Any:
    if isinstance(schema, dict):
        parts = cast("dict[str, Any]", schema)
        copied = {key: part if key in _NO_SCHEMAS else _with_stops(part) for key, part in parts.items()}
        if copied.get("type") in _SEQUENCES:
            copied["fail_fast"] = True
        return copied
    if isinstance(schema, list):
        return [_with_stops(item) for item in cast("list[Any]", schema)]
    if isinstance(schema, tuple):  # a choice of a union with its name
        return tuple([_with_stops(item) for item in cast("tuple[Any, ...]", schema)])
    return schema


def _most_items(annotation: Any) -> int | None:
    """Return how many items a list may have, by `MaxLen`, `Len` or pydantic's `Field(max_length=…)`; None for any."""
    if get_origin(annotation) is not Annotated or get_origin(get_args(annotation)[0]) is not list:
        return None
    said = [inner for one in get_args(annotation)[1:] for inner in getattr(one, "metadata", [one])]
    # A function among them may make the list a shorter one first.
    if any(one.__class__.__module__ != "annotated_types" for one in said):
        return None
    return min([one.max_length for one in said if getattr(one, "max_length", None) is not None], default=None)


def _is_longer(value: Any, most: int) -> bool:
    return isinstance(value, list) and len(cast("list[Any]", value)) > most


def _adapter(annotation: Any, word: str) -> tuple[TypeAdapter[Any], core_schema.CoreConfig | None]:
    try:
        adapter, config = _compiled(annotation)
        if not adapter.pydantic_complete:
            adapter.rebuild(force=True, raise_errors=True)
    except (PydanticUserError, PydanticUndefinedAnnotation) as exc:
        unknown = isinstance(exc, PydanticSchemaGenerationError)
        reason = "neither ectype nor pydantic knows how" if unknown else str(exc).partition("\n")[0]
        raise SchemaError(
            f"a field of {word} cannot be stored: {reason}",
            hint="use a scalar, an enum, dict[str, Any], a pydantic model or a dataclass; or keep the field out of the "
            "database: field(virtual=True)",
        ) from exc
    return adapter, config


@dataclass(frozen=True, slots=True)
class PydanticType(Type[Any]):
    """Values of any annotation that pydantic knows, stored as a JSON document: `jsonb`, TEXT.

    A value is stored only if its document loads as an equal value. So what a model leaves out when it is serialised
    (`exclude=True`), and what JSON cannot hold (NaN, a set behind `Any`), is refused instead of lost.

    Attributes:
        annotation: the annotation, without None.
        word: its name in errors and metadata.

    Raises:
        SchemaError: pydantic cannot validate the annotation.
    """

    annotation: Any
    word: str = field(compare=False)
    adapter: TypeAdapter[Any] = field(init=False, repr=False, compare=False)
    """The annotation, compiled."""
    outside: SchemaValidator = field(init=False, repr=False, compare=False)
    """What validates values from outside."""
    most_items: int | None = field(init=False, repr=False, compare=False)
    """How many items a list may have, where the annotation says so: what is longer is not looked into."""

    mutable: ClassVar = True

    def __post_init__(self) -> None:
        adapter, config = _adapter(self.annotation, self.word)
        object.__setattr__(self, "adapter", adapter)
        object.__setattr__(self, "outside", _failing_fast(adapter, config))
        object.__setattr__(self, "most_items", _most_items(self.annotation))

    @property
    def name(self) -> str:
        """The annotation as it was written."""
        return self.word

    @property
    def python(self) -> Any:
        """The annotation."""
        return self.annotation

    def cast(self, value: object) -> Ok[Any] | Err:
        """Take a value of the annotation, or the JSON document of one; `source` of an error is the culprit's path."""
        most = self.most_items
        if most is not None and _is_longer(value, most):
            return Err()
        if is_too_deep(value):
            return Err()
        try:
            return self._storable(self.outside.validate_python(value, strict=True))
        except ValidationError as exc:
            first = exc
        if _is_of_no_use(value, first) or find_fault(value) is not None:
            return Err("is invalid", _source(first))
        try:
            return Ok(self.outside.validate_json(text_of(value), strict=True))
        except ValidationError as exc:
            return Err("is invalid", _source(exc))

    def _storable(self, value: Any) -> Ok[Any] | Err:
        """Refuse a value whose document no database holds, as for a NUL in a text."""
        try:
            fault = find_fault(self._document(value))
        except ValueError:  # of a virtual field, perhaps; to store it says why not
            return Ok(value)
        return Ok(value) if fault is None else Err("is invalid", {"source": list(fault.path)} if fault.path else None)

    def codec(self, target: Target) -> Codec:
        """Return how the documents are stored."""
        return Codec("jsonb" if target == "postgres" else "TEXT", self._dump_for(target), self._load)

    def _dump_for(self, target: Target) -> Callable[[Any], str]:
        def dump(value: Any) -> str:
            try:
                self.adapter.validate_python(value, strict=True)
                text = encode(self._document(value), target)
                loaded = self.adapter.validate_json(text, strict=True)
            except (ValueError, CastError) as exc:  # pydantic's errors are ValueErrors
                reason = exc.message if isinstance(exc, CastError) else _reason(exc)
                raise refused(value, f"a value of {self.word}, and it is none: {reason}") from exc
            if loaded != value:
                raise refused(
                    value,
                    f"a value of {self.word} that its JSON document gives back",
                    hint="let the model serialise all that it holds, and hold what JSON can",
                )
            return text

        return dump

    def _document(self, value: object) -> object:
        return self.adapter.dump_python(value, mode="json", round_trip=True, warnings="error")

    def _load(self, text: Any) -> Any:
        if text == "null":
            return None
        try:
            return self.adapter.validate_json(text, strict=True)
        except ValidationError as exc:
            raise unreadable(
                text, f"a document of {self.word}", hint="give new members of a model a default, so that old rows load"
            ) from exc

    def equal(self, left: Any, right: Any) -> bool:
        """Compare the values, and then their documents: Python calls 1, 1.0 and True equal."""
        if left != right:
            return False
        try:
            return same(self._document(left), self._document(right))
        except ValueError:
            return False


@dataclass(frozen=True, slots=True)
class ConstrainedType(Scalar[Any]):
    """A scalar with constraints of pydantic, as `Annotated[str, MinLen(3)]`: stored as the scalar, checked on top.

    Attributes:
        annotation: the annotation, without None.
        inner: the scalar.

    Raises:
        SchemaError: pydantic cannot validate the annotation.
    """

    annotation: Any
    inner: Scalar[Any]
    adapter: TypeAdapter[Any] = field(init=False, repr=False, compare=False)
    """The annotation, compiled."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "adapter", _adapter(self.annotation, str(self.annotation))[0])

    @property
    def name(self) -> str:
        """The scalar's name."""
        return self.inner.name

    @property
    def python(self) -> Any:
        """The annotation."""
        return self.annotation

    def cast(self, value: object) -> Ok[Any] | Err:
        """Cast as the scalar does, then check the constraints."""
        match self.inner.cast(value):
            case Ok(found) if found is not None:
                try:
                    return Ok(self.adapter.validate_python(found, strict=True))
                except ValidationError as exc:
                    if get_origin(self.annotation) is Literal:
                        return Err("is invalid", {"validation": "inclusion", "enum": list(get_args(self.annotation))})
                    return _in_ectos_words(exc)
            case other:
                return other

    def codec(self, target: Target) -> Codec:
        """Return how the scalar is stored, with the constraints checked on the way in."""
        codec = self.inner.codec(target)

        def dump(value: Any) -> Any:
            stored = codec.dump(value)
            self.check(value)
            return stored

        return replace(codec, dump=dump, many=None)

    def check(self, value: Any) -> None:
        """Raise CastError for a value of the scalar that the constraints refuse, or would change."""
        try:
            kept = self.adapter.validate_python(value, strict=True)
        except ValidationError as exc:
            raise refused(value, f"a value of {self.annotation}, and it is none: {_reason(exc)}") from exc
        if kept != value:
            raise refused(value, f"a value that {self.annotation} leaves as it is", hint=f"store {kept!r:.60}")

    def json_form(self) -> JsonForm | None:
        """Return what JSON makes of the scalar, with the constraints that it can say."""
        form = self.inner.json_form()
        if form is None:
            return None
        try:
            said = self.adapter.json_schema()
        except PydanticInvalidForJsonSchema:
            return form
        # Of a Decimal, pydantic says one thing of numbers and another of text.
        said = {**said.get("anyOf", [{}])[0], **said}
        notes = {key: said[key] for key in _NOTES if key in said}
        checks = {key: said[key] for key in _CHECKS if key in said and self.inner.word != "binary"}
        # What becomes text is measured as what it was.
        kept = checks if form.dump is None or form.schema.get("type") != "string" else {}
        taken = {**(form.accepts or form.schema), **notes, **checks}
        return JsonForm({**form.schema, **notes, **kept}, form.dump, taken)

    def equal(self, left: Any, right: Any) -> bool:
        """Compare as the scalar does."""
        return self.inner.equal(left, right)


_NOTES: Final = ("title", "description", "examples", "deprecated")
_CHECKS: Final = (
    *("const", "enum", "pattern", "minLength", "maxLength"),
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
)

_WORDS: Final[dict[str, tuple[str, str, str, str]]] = {
    "greater_than": ("must be greater than %{number}", "gt", "number", "greater_than"),
    "greater_than_equal": ("must be greater than or equal to %{number}", "ge", "number", "greater_than_or_equal_to"),
    "less_than": ("must be less than %{number}", "lt", "number", "less_than"),
    "less_than_equal": ("must be less than or equal to %{number}", "le", "number", "less_than_or_equal_to"),
    "string_too_short": ("should be at least %{count} character(s)", "min_length", "length", "min"),
    "string_too_long": ("should be at most %{count} character(s)", "max_length", "length", "max"),
    "bytes_too_short": ("should be at least %{count} byte(s)", "min_length", "length", "min"),
    "bytes_too_long": ("should be at most %{count} byte(s)", "max_length", "length", "max"),
    "too_short": ("should have at least %{count} item(s)", "min_length", "length", "min"),
    "too_long": ("should have at most %{count} item(s)", "max_length", "length", "max"),
}
"""Ecto's message for a kind of error, where its bound stands, what validates so, and under which name."""

_UNITS: Final = {"string": "string", "bytes": "binary", "too": "list"}


def _in_ectos_words(error: ValidationError) -> Err:
    """Say of a scalar what the validations of changesets say."""
    first = cast("Any", error.errors(include_url=False, include_input=False)[0])
    kind, context = str(first["type"]), first.get("ctx", {})
    if kind in _WORDS:
        message, bound, validation, rule = _WORDS[kind]
        meta: dict[str, Any] = {"validation": validation, "kind": rule}
        if validation == "number":
            return Err(message, {**meta, "number": context[bound]})
        return Err(message, {**meta, "count": context[bound], "type": _UNITS[kind.partition("_")[0]]})
    if kind == "string_pattern_mismatch":
        return Err("has invalid format", {"validation": "format"})
    return Err()


_MANY: Final = 20
_decode: Final = JSONDecoder().raw_decode


def _source(error: ValidationError) -> dict[str, Any] | None:
    path = _first_path(error)
    return {"source": path} if path else None


def _first_path(error: ValidationError) -> list[Any]:
    if error.error_count() > _MANY:
        # As JSON, of which only the beginning is read, thousands of errors take a fifth of the time.
        text = error.json(include_url=False, include_context=False, include_input=False)
        return list(_decode(text, 1)[0]["loc"])
    return list(error.errors(include_url=False, include_context=False, include_input=False)[0]["loc"])


_NEVER_OF_A_LIST: Final = frozenset(
    f"{kind}_type" for kind in ("int", "float", "bool", "string", "dict", "model", "model_attributes")
)
"""The errors of a list as a whole that its JSON document would have too."""


def _is_of_no_use(value: object, error: ValidationError) -> bool:
    """Whether a list is refused as a whole, so that nobody needs to write and read its document."""
    if not isinstance(value, list) or error.error_count() > _MANY:
        return False
    said = error.errors(include_url=False, include_context=False)
    return all(one["input"] is value and one["type"] in _NEVER_OF_A_LIST for one in said)


def _reason(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return str(error).partition("\n")[0]
    first = cast("Any", error.errors(include_url=False, include_context=False, include_input=False)[0])
    where = ".".join(map(str, first["loc"]))
    return f"{where}: {first['msg']}" if where else str(first["msg"])


# --- structs in pydantic ----------------------------------------------------------------------------------------------

_ABSENT: Final = object()
_STRUCT: Final = "ectype_struct"
"""Where the schema of a struct says which it is, in the metadata."""
_PASSED_OVER: Final = frozenset({"definitions", "serialization", "computed_fields", "metadata"})


class _Inside:
    """A struct that is said as part of others, with those that it stands in."""

    __slots__ = ("above", "struct")

    def __init__(self, struct: Any, above: tuple[Any, ...]) -> None:
        self.struct = struct
        self.above = above


def struct_schema(form: StructForm, handler: Any) -> Any:
    """Return how pydantic takes, serialises and documents the structs of a schema, and all that they lead to.

    Args:
        form: the schema's structs.
        handler: what pydantic gives to `__get_pydantic_core_schema__`.
    """
    reached = {form.schema: form}
    waiting = [form]
    while waiting:
        for link in waiting.pop().links:
            for one in link.related():
                if one.schema not in reached:
                    reached[one.schema] = one
                    waiting.append(one)
    definitions = [_definition(one, handler) for one in reached.values()]
    return core_schema.definitions_schema(_reference(form), definitions)


def _ref(form: StructForm) -> str:
    # The form of pydantic's own, from which it makes the name of the definition.
    return f"{form.schema.__module__}.{form.schema.__qualname__}:{id(form.schema)}"


def _reference(form: StructForm) -> Any:
    return core_schema.definition_reference_schema(_ref(form))


def _definition(form: StructForm, handler: Any) -> Any:
    name = form.schema.__name__
    columns: dict[str, Any] = {}
    dumps: list[tuple[str, Any, Any]] = []
    for one in form.members:
        said = one.type.json_form()
        inner = _native(one.type, handler) if said is None else _documented(said.schema)
        columns[one.name] = _field(inner, nullable=one.nullable)
        dumps.append((one.name, one.get, said and said.dump))
    links = {one.name: _field(_linked(one), nullable=one.nullable) for one in form.links}
    members = core_schema.typed_dict_schema({**columns, **links}, config={"title": name})
    always = [*columns, *[one.name for one in form.links if one.embedded]]

    def check(value: Any) -> Any:
        if isinstance(value, form.schema):
            return value
        raise PydanticCustomError(
            "struct_expected",
            "a struct of {schema} is expected; values from outside are params, and a changeset makes a struct of them",
            {"schema": name},
        )

    def said_of(value: Any, serialize: Any, info: Any) -> Any:
        struct, above = (value.struct, value.above) if value.__class__ is _Inside else (value, ())
        if not isinstance(struct, form.schema):
            raise PydanticSerializationUnexpectedValue(f"a struct of {name} is expected, got {type(struct).__name__}")
        as_json = info.mode == "json"
        found: dict[str, Any] = {}
        for key, get, dump in dumps:
            one = _read(get, struct)
            if one is not _ABSENT:
                found[key] = dump(one) if as_json and dump is not None and one is not None else one
        # A struct that stands in itself is said without what was loaded with it, or there would be no end.
        ended = any(struct is one for one in above)
        for link in form.links:
            if ended and not link.embedded:
                continue
            one = _read(link.get, struct)
            if one is not _ABSENT:
                path = (*above, struct)
                found[link.name] = [_Inside(item, path) for item in one] if link.many else one and _Inside(one, path)
        return serialize(found)

    def document(_: Any, handler: Any) -> dict[str, Any]:
        found: dict[str, Any] = {**handler(members), "title": name, "required": always}
        return {**found, "description": form.description} if form.description else found

    return core_schema.no_info_plain_validator_function(
        check,
        ref=_ref(form),
        json_schema_input_schema=members,
        metadata={"pydantic_js_functions": [document], _STRUCT: name},
        # It wraps, so that what is included and excluded reaches the members.
        serialization=core_schema.wrap_serializer_function_ser_schema(said_of, info_arg=True, schema=members),
    )


def struct_in(annotation: Any) -> str | None:
    """Return the name of a schema whose structs pydantic wants for an annotation, or for a part of it; or None."""
    known: dict[str, Any] = {}
    waiting: list[Any] = [TypeAdapter(annotation).core_schema]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            parts = cast("dict[str, Any]", one)
            metadata = parts.get("metadata")
            if isinstance(metadata, dict) and _STRUCT in metadata:
                return str(cast("Any", metadata[_STRUCT]))
            # What is defined counts where it is referred to: a struct brings those that it leads to.
            known |= {definition["ref"]: definition for definition in parts.get("definitions", ())}
            waiting += [part for key, part in parts.items() if key not in _PASSED_OVER]
            waiting.append(known.pop(parts.get("schema_ref", ""), None))
        elif isinstance(one, list | tuple):
            waiting += cast("list[Any]", one)
    return None


def _read(get: Callable[[Any], Any], struct: Any) -> Any:
    try:
        return get(struct)
    except AttributeError:
        return _ABSENT


def _linked(link: LinkForm) -> Any:
    forms = [_reference(one) for one in link.related()]
    one = forms[0] if len(forms) == 1 else core_schema.union_schema(forms)
    return core_schema.list_schema(one) if link.many else one


def _native(type_: Type[Any], handler: Any) -> Any:
    """Return what pydantic says of a type; containers serialise as they are stored, with bytes in base64."""
    inner = handler.generate_schema(type_.python)
    if not isinstance(type_, PydanticType) or isinstance(type_.annotation, type):
        return inner
    dump = core_schema.plain_serializer_function_ser_schema(
        lambda value: type_.adapter.dump_python(value, mode="json"), when_used="json"
    )

    def document(_: Any, handler: Any) -> Any:
        return handler(inner)

    metadata = cast("Any", {"pydantic_js_functions": [document]})
    return core_schema.no_info_after_validator_function(_itself, inner, serialization=dump, metadata=metadata)


def _itself(value: Any) -> Any:
    return value


def _documented(schema: Any) -> Any:
    return core_schema.any_schema(metadata=cast("Any", {"pydantic_js_updates": dict(schema)}))


def _field(schema: Any, *, nullable: bool, notes: Mapping[str, Any] | None = None) -> Any:
    whole = core_schema.nullable_schema(schema) if nullable else schema
    metadata = cast("Any", {"pydantic_js_updates": dict(notes)}) if notes else None
    return core_schema.typed_dict_field(whole, required=False, metadata=metadata)


# --- params in pydantic -----------------------------------------------------------------------------------------------


def params_schema(form: ParamsForm, handler: Any) -> Any:
    """Return how pydantic takes and documents params: any JSON object, since a changeset says what is wrong with it."""
    definitions: list[Any] = []
    members = _params(form, handler, definitions)

    def check(value: Any, _: Any) -> Any:
        if isinstance(value, dict) and all(isinstance(key, str) for key in cast("dict[Any, Any]", value)):
            return cast("Any", value)
        raise PydanticCustomError("params_expected", "params are a JSON object")

    def document(schema: Any, handler: Any) -> Any:
        return handler(schema)

    whole = core_schema.no_info_wrap_validator_function(check, members, metadata={"pydantic_js_functions": [document]})
    return core_schema.definitions_schema(whole, definitions) if definitions else whole


def _params(form: ParamsForm, handler: Any, definitions: list[Any]) -> Any:
    if form.again:
        return core_schema.definition_reference_schema(str(form.ref))
    fields = {
        one.name: _field(_param(one, handler, definitions), nullable=one.nullable, notes=one.notes)
        for one in form.params
    }

    def document(schema: Any, handler: Any) -> dict[str, Any]:
        found = handler(schema)
        # pydantic would make it of its own fields, which are all optional: params are checked by the changeset.
        found["title"] = form.name
        return {**found, "required": list(form.required)} if form.required else found

    members = core_schema.typed_dict_schema(
        fields, ref=form.ref, config={"title": form.name}, metadata={"pydantic_js_functions": [document]}
    )
    if form.ref is None:
        return members
    definitions.append(members)
    return core_schema.definition_reference_schema(form.ref)


def _param(param: ParamForm, handler: Any, definitions: list[Any]) -> Any:
    if param.entries is not None:
        return _entries(param, [_params(one, handler, definitions) for one in param.entries])
    if param.type is None:
        return _documented(param.rules)
    said = param.type.json_form()
    if said is not None:
        return _documented({**(said.accepts or said.schema), **param.rules})
    inner = handler.generate_schema(param.type.python)
    metadata = cast("Any", {"pydantic_js_updates": dict(param.rules)})
    return core_schema.no_info_after_validator_function(_itself, inner, metadata=metadata)


def _entries(param: ParamForm, schemas: list[Any]) -> Any:
    """Return what documents the entries of a relation: one, or a list, which a form may key by index."""
    one = schemas[0] if len(schemas) == 1 else core_schema.union_schema(schemas)
    if not param.many:
        return one
    metadata = cast("Any", {"pydantic_js_updates": dict(param.rules)})
    many = core_schema.list_schema(one, metadata=metadata)
    if not param.indexed:
        return many
    return core_schema.union_schema([many, core_schema.dict_schema(core_schema.str_schema(), one)])


def json_schema_of(annotation: Any, mode: Literal["validation", "serialization"]) -> dict[str, Any]:
    """Return the JSON Schema of what pydantic takes for an annotation, or of what it gives."""
    return TypeAdapter(annotation).json_schema(mode=mode)
