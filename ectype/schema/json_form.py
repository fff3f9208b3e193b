"""What a struct is in JSON: its fields and what was loaded with them, never what is redacted or virtual.

pydantic, and FastAPI by it, ask a schema for it when a route or a model names the schema; nothing is made before.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from importlib import import_module
from typing import Any

from ectype.errors import SchemaError
from ectype.schema.bodies import route_parameter
from ectype.schema.embed_type import EmbedType
from ectype.schema.meta import SchemaInfo, schema_info
from ectype.types.struct_form import LinkForm, MemberForm, StructForm


def json_schema(schema: type[Any]) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a schema's structs, as a web framework sends them.

    Redacted and virtual members are no part of it. Associations may be missing, since what was not loaded is left out;
    the schemas on their other sides stand under `$defs`.

    Raises:
        SchemaError: it is no schema class.

    Example:
        `json_schema(Post)["properties"]["title"]` is `{"type": "string"}`
    """
    made: dict[str, Any] = pydantic().json_schema_of(schema_info(schema).schema, "serialization")
    return made


def core_schema(schema: type[Any], handler: Any) -> Any:
    """Answer pydantic, which asks how it takes and serialises the structs of a schema.

    Raises:
        SchemaError: the class has no members, or is the parameter of a route that is being made.
    """
    info = schema.__dict__.get("__schema__")
    if not isinstance(info, SchemaInfo):
        raise SchemaError(
            f"`{schema.__name__}` is no schema that has structs", hint=f"name one: `class User({schema.__name__}): …`"
        )
    parameter = route_parameter()
    if parameter is not None:
        raise no_body(f"the parameter `{parameter}` of a route is a {info.name}", info.name)
    return pydantic().struct_schema(struct_form(info), handler)


def no_body(what: str, name: str) -> SchemaError:
    """Return the error for a parameter of a route that is a struct, or holds one."""
    return SchemaError(
        f"{what}, and no values from outside make a struct",
        hint="take params, and let a changeset say what is permitted:\n"
        f"    async def create(params: Annotated[Params, params_of(changeset_of)]) -> {name}:\n"
        f"        return await repo.insert(change({name}).cast(params, {name}.…))",
    )


def struct_form(info: SchemaInfo) -> StructForm:
    """Return what pydantic has to know of a schema's structs."""
    hidden = info.redacted | set(info.virtual_names)
    members = [
        MemberForm(name, one.type, one.nullable, info.slots[name].__get__)
        for name, one in info.fields.items()
        if name not in hidden and not isinstance(one.type, EmbedType)
    ]
    links = [
        LinkForm(
            name,
            one.type.many,
            one.nullable and not one.type.many,
            info.slots[name].__get__,
            _forms(one.type.infos),
            embedded=True,
        )
        for name, one in info.fields.items()
        if name not in hidden and isinstance(one.type, EmbedType)
    ]
    links += [
        LinkForm(name, one.cardinality == "many", one.optional, info.slots[name].__get__, _related(one))
        for name, one in info.associations.items()
    ]
    doc = info.schema.__dict__.get("__doc__")
    return StructForm(info.schema, inspect.cleandoc(doc) if doc else None, tuple(members), tuple(links))


def _related(association: Any) -> Callable[[], tuple[StructForm, ...]]:
    return lambda: (struct_form(association.related),)


def _forms(infos: tuple[SchemaInfo, ...]) -> Callable[[], tuple[StructForm, ...]]:
    return lambda: tuple([struct_form(info) for info in infos])


def pydantic() -> Any:
    """Return the file that imports pydantic, which takes longer than all else that ectype imports."""
    return import_module("ectype.types.pydantic")
