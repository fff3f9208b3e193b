"""What is wrong with an association as a class body declares it, with the line to write instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from ectype.errors import SchemaError, did_you_mean
from ectype.schema.association_options import CHOICES, KNOWN, AssociationOptions, Kind, key_names
from ectype.schema.associations import ANNOTATIONS, Association
from ectype.schema.meta import SchemaInfo
from ectype.types import annotations as notes
from ectype.types.annotations import RawAnnotation

LAMBDAS: Final = {
    "where": "lambda: {related}.… == …",
    "join_where": "lambda: Membership.… == …",
    "preload_order": "lambda: {related}.…",
    "through": "lambda: {owner}.… / {related}.…",
}
OWN: Final = ("foreign_key", "references", "where", "preload_order", "on_replace", "on_delete", "defaults", "source")
"""What an association that goes through others does not have."""


def checked_options(owner: str, member: str, kind: Kind, raw: RawAnnotation, value: object) -> AssociationOptions:
    """Return what the right side of a member says. Raises SchemaError for what it cannot be."""
    label = f"{owner}.{member}"
    inner = _inner(raw)
    line = f"{member}: {ANNOTATIONS[kind]}[{inner or '…'}] = {kind}({'through=…' if kind == 'many_to_many' else ''})"
    if not isinstance(value, AssociationOptions) or value.kind != kind:
        raise SchemaError(
            f"`{label}: {raw.text}` needs a call on its right, since the constructor may omit it",
            hint=f"write `{line}`",
        )
    if inner is None:
        raise SchemaError(f"`{label}: {raw.text}` does not say its schema", hint=f"write `{raw.text}[Other]`")
    _check_bracket(label, member, kind, raw, inner)
    if value.unknown:
        known = KNOWN[kind]
        guess = did_you_mean(value.unknown[0], known)
        raise SchemaError(
            f"`{kind}` of `{label}` does not know the option `{value.unknown[0]}`",
            hint=guess if guess.startswith("did you mean") else f"known options are: {', '.join(known)}",
        )
    _check_lambdas(owner, label, value, required(inner))
    _check_choices(label, value)
    _check_defaults(label, value)
    _check_source(label, value)
    if kind == "many_to_many":
        _check_between(label, member, inner, value)
    elif value.through is not None:
        _check_through(label, value)
    else:
        _check_keys(label, value)
    return value


def _inner(raw: RawAnnotation) -> str | None:
    return None if raw.argument is None else notes.annotation_text(raw.argument)


def required(inner: str) -> str:
    """Return a bracket's text without its `| None`."""
    return inner.replace(" | None", "")


def _check_bracket(label: str, member: str, kind: Kind, raw: RawAnnotation, inner: str) -> None:
    optional = notes.is_optional_text(raw.argument)
    if kind == "has_one" and optional is False:
        raise SchemaError(
            f"`{label}` may be missing, since the row that points here may not exist",
            hint=f"write `{member}: HasOne[{inner} | None] = has_one(…)`",
        )
    if kind in ("has_many", "many_to_many") and optional:
        raise SchemaError(
            f"`{label}` is a list, which is empty where there is nothing, and never None",
            hint=f"write `{member}: {ANNOTATIONS[kind]}[{required(inner)}] = {kind}(…)`",
        )


def _check_lambdas(owner: str, label: str, options: AssociationOptions, related: str) -> None:
    for option, example in LAMBDAS.items():
        value = getattr(options, option)
        if value is None or (callable(value) and not isinstance(value, type) and not hasattr(value, "hops")):
            continue
        if option == "through" and options.kind == "many_to_many":
            continue
        written = example.format(owner=owner, related=related)
        raise SchemaError(
            f"`{option}` of `{label}` is called at first use, when every schema exists, got {value!r:.80}",
            hint=f"write `{option}={written}`",
        )


def _check_choices(label: str, options: AssociationOptions) -> None:
    for option, choices in CHOICES[options.kind].items():
        value: object = getattr(options, option)
        if value in choices:
            continue
        listed = ", ".join(f'"{choice}"' for choice in choices)
        more = ""
        if value == "delete_if_exists":
            more = '; a row that is gone already is no error here, so "delete" does that'
        raise SchemaError(
            f"`{option}` of `{label}` cannot be {value!r:.60}, since it is a `{options.kind}`",
            hint=f"it is one of {listed}{more}",
        )
    if options.unique.__class__ is not bool:
        raise SchemaError(f"`unique` of `{label}` is True or False, got {options.unique!r:.60}")


def _check_defaults(label: str, options: AssociationOptions) -> None:
    for option in ("defaults", "join_defaults"):
        value = getattr(options, option)
        if value is None or isinstance(value, Mapping) or (callable(value) and not isinstance(value, type)):
            continue
        raise SchemaError(
            f"`{option}` of `{label}` gives values by member, got {value!r:.80}",
            hint=f'write `{option}={{"public": True}}`, or `{option}=lambda owner: {{"locale": owner.locale}}`',
        )


def _check_source(label: str, options: AssociationOptions) -> None:
    source: Any = options.source
    if source is not None and (not isinstance(source, str) or not source.strip()):
        raise SchemaError(
            f"`source` of `{label}` is the name of a table, got {source!r:.80}",
            hint='write `source="post_comments"`; a prefix is said by the schema or the call',
        )


def _check_between(label: str, member: str, inner: str, options: AssociationOptions) -> None:
    through = options.through
    named = isinstance(through, str)
    if not (named and through) and (not callable(through) or isinstance(through, type)):
        raise SchemaError(
            f"`{label}` needs the table between the two schemas, got {through!r:.80}",
            hint=f'write `{member}: ManyToMany[{inner}] = many_to_many(through="memberships")`, or '
            "`through=lambda: Membership` where it is a schema",
        )
    if named and options.join_where is not None:
        raise SchemaError(
            f"`join_where` of `{label}` mentions columns of `{through}`, which is no schema",
            hint=f"declare one for the table, and write `many_to_many(through=lambda: {through.title()})`",
        )
    if named and options.join_defaults is not None:
        raise SchemaError(
            f"`join_defaults` of `{label}` are of members of `{through}`, which is no schema",
            hint=f"declare one for the table, and write `many_to_many(through=lambda: {through.title()})`",
        )
    keys: Any = options.join_keys
    if keys is None:
        return
    given: list[Any] = []
    if isinstance(keys, dict | tuple):
        given = list(cast("dict[Any, Any]", keys).items() if isinstance(keys, dict) else cast("tuple[Any, ...]", keys))
    parts: list[Any] = [part for one in given for part in (one if isinstance(keys, dict) else (one,))]
    if len(given) != 2 or given[0] == given[1] or not all(_is_key(part) for part in parts):
        raise SchemaError(
            f"`join_keys` of `{label}` names two keys of the table between, ours first, got {keys!r:.80}",
            hint='write `join_keys=("user_id", "team_id")`, or `join_keys={"user_id": "id", "team_code": "code"}`',
        )


def _is_key(given: object) -> bool:
    names = (given,) if isinstance(given, str) else given
    if not isinstance(names, tuple) or not names:
        return False
    return all(isinstance(name, str) and name for name in cast("tuple[object, ...]", names))


def _check_through(label: str, options: AssociationOptions) -> None:
    plain = AssociationOptions(options.kind)
    for option in OWN:
        if getattr(options, option) != getattr(plain, option):
            raise SchemaError(
                f"`{label}` goes through other associations, so `{option}` has no meaning for it",
                hint=f"give `{option}` to the associations that it follows",
            )


def _check_keys(label: str, options: AssociationOptions) -> None:
    for option in ("foreign_key", "references"):
        value = getattr(options, option)
        if value is not None and not _is_key(value):
            raise SchemaError(
                f"`{option}` of `{label}` is the name of a column, or a tuple of names, got {value!r:.80}",
                hint=f'write `{option}="…"`, or `{option}=("…", "…")` for a key of two columns',
            )
    named, references = key_names(options.foreign_key), key_names(options.references)
    count = 1 if named is None and options.kind == "belongs_to" else None if named is None else len(named)
    if references is not None and count is not None and count != len(references):
        raise SchemaError(
            f"`{label}` compares {count} columns with {len(references)}: {', '.join(references)}",
            hint="name as many columns in `foreign_key` as in `references`, in the same order",
        )


def check_members(info: SchemaInfo, association: Association, raw: RawAnnotation) -> None:
    """Raise SchemaError for keys that the schema which declares an association does not have."""
    options = association.options
    if association.kind == "belongs_to":
        _check_belongs_to(info, association, raw)
    elif not association.follows:
        for name in key_names(options.references) or ():
            _check_here(info, association, "references", name)


def _check_read(info: SchemaInfo, label: str, name: str) -> None:
    if name in info.unread:
        raise SchemaError(
            f"`{info.name}.{name}` is a key of `{label}`, and a query of whole structs leaves it out",
            hint=f"drop `load_in_query=False` of `{name}`: related rows are found by it",
        )


def _check_here(info: SchemaInfo, association: Association, option: str, name: str) -> None:
    _check_read(info, association.label, name)
    if name not in info.column_names:
        raise SchemaError(
            f"`{option}` of `{association.label}` names `{name}`, which is no column of {info.name}",
            hint=did_you_mean(name, info.column_names),
        )


def _check_belongs_to(info: SchemaInfo, association: Association, raw: RawAnnotation) -> None:
    optional = notes.is_optional_text(raw.argument)
    nullables: list[bool | None] = []
    for key in association.keys_here:
        if key == association.name:
            raise SchemaError(
                f"`{association.label}` has the name of its own foreign key",
                hint=f'name the column: `{key}_id: Field[int]` and `{raw.text} = belongs_to(foreign_key="{key}_id")`',
            )
        _check_read(info, association.label, key)
        declared = info.declarations.get(key)
        if declared is None or declared.options.virtual:
            raise SchemaError(
                f"`{association.label}` needs its foreign key `{key}`, which {info.name} does not have",
                hint=f'add `{key}: Field[int]`, or name the one you have: `belongs_to(foreign_key="…")`',
            )
        nullables.append(notes.is_optional_text(declared.argument))
    nullable = True if True in nullables else None if None in nullables else False
    if optional is None or nullable is None or optional == nullable:
        return
    inner, key = _inner(raw), ", ".join(association.keys_here)
    if nullable:
        raise SchemaError(
            f"`{association.label}` may be missing, since `{key}` may be None",
            hint=f"write `{association.name}: BelongsTo[{inner} | None] = belongs_to(…)`",
        )
    raise SchemaError(
        f"`{association.label}` is never missing, since `{key}` is never None",
        hint=f"drop the `| None` of `{raw.text}`, or write `{key}: Field[int | None]`",
    )
