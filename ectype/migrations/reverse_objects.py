"""Turning round what was done to enums, views, functions, triggers, extensions and schemas."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from ectype.errors import IrreversibleError
from ectype.sql.ddl_objects import (
    AddEnumValue,
    CreateEnum,
    CreateExtension,
    CreateFunction,
    CreateSchema,
    CreateTrigger,
    CreateView,
    DropEnum,
    DropExtension,
    DropFunction,
    DropSchema,
    DropTrigger,
    DropView,
    ObjectNode,
    RenameEnumValue,
    ReplaceFunction,
    ReplaceTrigger,
    ReplaceView,
)


def irreversible(command: str, why: str, hint: str) -> IrreversibleError:
    """Return the error that names a command which cannot be undone."""
    return IrreversibleError(f"`{command}` cannot be turned round: {why}", hint=hint)


def reverse_object(node: ObjectNode) -> ObjectNode:
    """Return the node that undoes this one. Raises IrreversibleError where it does not say what to go back to."""
    match node:
        case CreateEnum() | DropEnum() | AddEnumValue() | RenameEnumValue():
            return _enum(node)
        case CreateView() | DropView() | ReplaceView():
            return _view(node)
        case CreateFunction() | DropFunction() | ReplaceFunction():
            return _function(node)
        case CreateTrigger() | DropTrigger() | ReplaceTrigger():
            return _trigger(node)
        case CreateExtension(name, prefix, version, condition):
            return DropExtension(name, prefix, version, condition)
        case DropExtension(name, prefix, version, condition):
            return CreateExtension(name, prefix, version, condition)
        case CreateSchema(name, condition):
            return DropSchema(name, condition)
        case DropSchema(name, condition):
            return CreateSchema(name, condition)
        case _:
            assert_never(node)


def _enum(node: CreateEnum | DropEnum | AddEnumValue | RenameEnumValue) -> ObjectNode:
    match node:
        case CreateEnum(name, values, prefix):
            return DropEnum(name, values, prefix)
        case DropEnum(name, values, prefix):
            if values is None or node.if_exists:
                raise _unknown(f'm.drop_enum("{name}")', "what its values were", f'm.drop_enum("{name}", ["…"])')
            return CreateEnum(name, values, prefix)
        case AddEnumValue(name, value):
            raise irreversible(
                f'm.add_enum_value("{name}", "{value}")',
                "PostgreSQL takes no value of an enum type away",
                "leave the value there: write `up(m)`, and a `down(m)` that does nothing about it",
            )
        case RenameEnumValue(_, value, to):
            return replace(node, value=to, to=value)


def _view(node: CreateView | DropView | ReplaceView) -> ObjectNode:
    match node:
        case CreateView(view):
            return DropView(view.name, view, view.materialized, view.prefix)
        case DropView(name, view):
            if view is None or node.if_exists:
                raise _unknown(f'm.drop_view("{name}")', "what its query was", f'm.drop_view("{name}", "SELECT …")')
            return CreateView(view)
        case ReplaceView(view, was):
            if was is None:
                raise _not_said(f'm.replace_view("{view.name}")', "query", '"SELECT …"')
            return ReplaceView(was, view)


def _function(node: CreateFunction | DropFunction | ReplaceFunction) -> ObjectNode:
    match node:
        case CreateFunction(one):
            return DropFunction(one.name, one.arguments, one, one.prefix)
        case DropFunction(name, _, one):
            if one is None or node.if_exists:
                call = f'm.drop_function("{name}")'
                raise _unknown(call, "what its body was", f'm.drop_function("{name}", "a int", "RETURNS …")')
            return CreateFunction(one)
        case ReplaceFunction(one, was):
            if was is None:
                raise _not_said(f'm.replace_function("{one.name}")', "body", '"RETURNS …"')
            return ReplaceFunction(was, one)


def _trigger(node: CreateTrigger | DropTrigger | ReplaceTrigger) -> ObjectNode:
    match node:
        case CreateTrigger(one):
            return DropTrigger(one.name, one.table, one, one.prefix)
        case DropTrigger(name, table, one):
            if one is None or node.if_exists:
                call = f'm.drop_trigger("{name}", "{table}")'
                raise _unknown(call, "what it ran", f'm.drop_trigger("{name}", "{table}", "AFTER INSERT", "…")')
            return CreateTrigger(one)
        case ReplaceTrigger(one, was):
            if was is None:
                raise _not_said(f'm.replace_trigger("{one.name}")', "text", '("AFTER INSERT", "…")')
            return ReplaceTrigger(was, one)


def _unknown(call: str, what: str, fix: str) -> IrreversibleError:
    return irreversible(
        call, f"it does not say {what}, or whether it was there", f"say it, without `if_exists`:\n\n    {fix}"
    )


def _not_said(call: str, what: str, example: str) -> IrreversibleError:
    return irreversible(call, f"it does not say what the {what} was", f"give it: was={example}")
