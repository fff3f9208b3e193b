"""What a class statement says beside its members, what its bases said before, and what is refused of it."""

import sys
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

import pytest

from ectype import (
    ULID,
    BelongsTo,
    CIText,
    Field,
    Registry,
    Schema,
    SchemaError,
    Timestamps,
    belongs_to,
    change,
    field,
    meta,
    primary_key,
    timestamp,
    ulid,
    with_meta,
)
from ectype.schema.meta import SchemaInfo

OLD = datetime(2001, 2, 3, tzinfo=UTC)


def old() -> datetime:
    return OLD


class App(
    Schema,
    abstract=True,
    registry=Registry(),
    prefix="app",
    primary_key=primary_key(type=ULID, autogenerate=ulid),
    foreign_key_type=ULID,
    timestamps=timestamp(autogenerate=old, writable="insert", on_writable_violation="warn"),
    redact="all_except_primary_keys",
    source_mapper=lambda name: f"{name}_c",
    on_writable_violation="raise",
):
    """Says everything that a base can say."""


class Own(App, abstract=True, prefix="own", redact=None, on_writable_violation="nothing"):
    """Says some of it again."""


class Team(App, Timestamps, table="teams"):
    id: Field[str] = primary_key()
    name: Field[str] = field(writable="insert")
    code: Field[str] = field(redact=False, source="code", on_writable_violation="nothing")
    secret: Field[str | None] = field(virtual=True, default=None)
    lead_id: Field[str | None] = field(default=None)
    lead: BelongsTo["Team | None"] = belongs_to()
    nick_id: Field[str] = field(type=CIText)
    nick: BelongsTo["Team"] = belongs_to()


class Member(Own, table="members"):
    id: Field[str] = primary_key(autogenerate=lambda: "x")
    name: Field[str]
    at: Field[datetime] = timestamp(autogenerate=lambda: datetime.now(UTC), writable="always")


def options(model: Any, name: str) -> Any:
    info: SchemaInfo = model.__schema__
    return info.fields[name].options


def test_a_schema_has_what_its_base_says():
    info: SchemaInfo = Team.__schema__  # type: ignore[misc]
    assert info.prefix == "app"
    assert info.redacted == {"name", "secret", "lead_id", "nick_id", "inserted_at", "updated_at"}
    assert {name: one.source for name, one in info.fields.items()} == {
        "id": "id_c",
        "name": "name_c",
        "code": "code",
        "secret": "secret",
        "lead_id": "lead_id_c",
        "nick_id": "nick_id_c",
        "inserted_at": "inserted_at_c",
        "updated_at": "updated_at_c",
    }
    assert [info.fields[name].type.name for name in ("id", "lead_id", "nick_id", "name")] == [
        "ulid",
        "ulid",
        "citext",
        "string",
    ]
    assert options(Team, "id").autogenerate is ulid
    assert options(Team, "inserted_at").autogenerate is options(Team, "updated_at").autoupdate is old
    assert (options(Team, "inserted_at").writable, options(Team, "updated_at").writable) == ("insert", None)
    violations = [options(Team, name).on_writable_violation for name in ("name", "code", "inserted_at")]
    assert violations == ["raise", "nothing", "warn"]


def test_a_base_of_a_base_and_a_field_say_it_again():
    info: SchemaInfo = Member.__schema__  # type: ignore[misc]
    assert (info.prefix, info.redacted, info.registry is Team.__schema__.registry) == ("own", frozenset(), True)
    assert options(Member, "id").autogenerate is not ulid
    assert info.fields["id"].type.name == "string"
    assert (options(Member, "at").writable, options(Member, "at").autogenerate is old) == ("always", False)
    assert options(Member, "name").on_writable_violation == "nothing"


REFUSED = {
    "a primary key that is none": (
        "class App(Schema, abstract=True, primary_key=field()): pass",
        "`primary_key` of App says what a bare `primary_key()` stands for, got",
    ),
    "a primary key with a source": (
        "class App(Schema, abstract=True, primary_key=primary_key(source='x')): pass",
        "write `primary_key=primary_key(autogenerate=uuid7)`, without a source",
    ),
    "a moment of updates for all": (
        "class App(Schema, abstract=True, timestamps=timestamp(on_update=True)): pass",
        "`timestamps` of App says what a bare `timestamp()` stands for, got",
    ),
    "a way to hide that does not exist": (
        "class App(Schema, abstract=True, redact=True): pass",
        '`redact` of App is "all_except_primary_keys" or None, got True',
    ),
    "a source mapper that is a text": (
        "class App(Schema, abstract=True, source_mapper='camel'): pass",
        "`source_mapper` of App makes a column's name from that of a field, got 'camel'",
    ),
    "a source mapper that gives no name": (
        "class App(Schema, source_mapper=lambda name: None, table='x'): id: Field[int]",
        "the `source_mapper` of App gave None for `id`",
    ),
    "two fields of one column": (
        "class App(Schema, table='x'):\n    a: Field[int]\n    b: Field[int] = field(source='a')",
        "`a` and `b` of App are both the column `a`",
    ),
    "a prefix that is no name": (
        "class App(Schema, abstract=True, prefix=''): pass",
        "the prefix of App is a name, got ''",
    ),
    "a violation that does not exist": (
        "class App(Schema, abstract=True, on_writable_violation='log'): pass",
        "`on_writable_violation` of a field is one of 'nothing', 'warn', 'raise', got 'log'",
    ),
    "two keys of the database": (
        "class App(Schema, table='x'):\n    a: Field[int] = primary_key()\n    b: Field[int] = primary_key()",
        "the database fills one key of App, and `a` and `b` are both `primary_key()`\n\n"
        "hint: write `b: Field[…] = field(primary_key=True)` for a key that the caller gives",
    ),
    "a word for writable that does not exist": (
        "field(writable='sometimes')",
        "`writable` of a field is one of 'always', 'insert', 'never', got 'sometimes'",
    ),
    "a generated field that is not written": (
        "field(autogenerate=ulid, writable='never')",
        'a field that is generated at insert is written, so it is not `writable="never"`',
    ),
    "a key that is not read": ("field(primary_key=True, load_in_query=False)", "a primary key is always read"),
    "a foreign key that is not read": (
        "class App(Schema, table='x'):\n    id: Field[int] = primary_key()\n"
        "    of_id: Field[int] = field(load_in_query=False)\n    of: BelongsTo['App'] = belongs_to()",
        "`App.of_id` is a key of `App.of`, and a query of whole structs leaves it out",
    ),
    "a moment that is never written": (
        "timestamp(writable='never')",
        'a moment that the clock fills is written, so it is not `writable="never"`',
    ),
    "a moment of updates that they may not write": (
        "timestamp(on_update=True, writable='insert')",
        'a moment that the clock fills is written, so it is not `writable="insert"`',
    ),
    "a moment that is no datetime": (
        "class App(Schema, table='x'):\n    day: Field[date] = timestamp()\n\nApp.__schema__.fields",
        "`App.day: Field[date]` is filled by the clock, which gives aware datetimes\n\n"
        "hint: give it a clock of its own: `day: Field[date] = timestamp(autogenerate=…)`",
    ),
    "a default of another type": (
        "class App(Schema, table='x'):\n    age: Field[int] = field(default='old')\n\nApp.__schema__.fields",
        "the default of `App.age: Field[int]` does not fit",
    ),
    "a default that is None where nothing is": (
        "class App(Schema, table='x'):\n    age: Field[int] = field(default=None)\n\nApp.__schema__.fields",
        "`App.age: Field[int]` is never None, and its default is",
    ),
    "a secret default of another type": (
        "class App(Schema, table='x'):\n    pin: Field[int] = field(default='1234', redact=True)\n\n"
        "App.__schema__.fields",
        "the default of `App.pin: Field[int]` is of another type",
    ),
    "a foreign key of a related schema that is not read": (
        "class App(Schema, table='x'):\n    id: Field[int] = primary_key()\n"
        "    all: HasMany['Part'] = has_many(foreign_key='app_id')\n\n"
        "class Part(Schema, table='y'):\n    app_id: Field[int] = field(load_in_query=False)\n\n"
        "App.__schema__.associations['all'].related_keys",
        "`Part.app_id` is a key of `App.all`, and a query of whole structs leaves it out",
    ),
}


@pytest.mark.parametrize(("body", "message"), REFUSED.values(), ids=REFUSED)
def test_what_excludes_itself_is_refused_with_the_line_to_write(
    body: str, message: str, monkeypatch: pytest.MonkeyPatch
):
    module = ModuleType("refused_options")
    monkeypatch.setitem(sys.modules, "refused_options", module)
    exec("from ectype import *\nfrom datetime import date", module.__dict__)
    with pytest.raises(SchemaError) as caught:
        exec(body, module.__dict__)
    assert message in str(caught.value)


def test_a_lock_is_on_what_an_update_may_write():
    class Draft(App, table="drafts"):
        version: Field[int] = field(default=1, writable="insert")

    with pytest.raises(SchemaError, match=r"`Draft.version` cannot be locked: an update may not write it"):
        change(Draft).optimistic_lock(Draft.version)


def test_a_struct_is_told_where_it_came_from():
    team = Team(id="1", name="a", code="b", nick_id="c", inserted_at=OLD, updated_at=OLD)  # type: ignore[call-arg]
    assert meta(team) == meta(with_meta(team))
    moved = with_meta(team, source="old_teams", prefix=None, state="loaded")
    assert (meta(moved).state, meta(moved).source, meta(moved).prefix) == ("loaded", "old_teams", None)
    assert meta(with_meta(moved, prefix="x")).source == "old_teams"
    assert moved == team
    for wrong in ({"state": "gone"}, {"source": ""}, {"source": None}, {"prefix": 3}):
        with pytest.raises(SchemaError, match=r"of a struct is"):
            with_meta(team, **wrong)  # type: ignore[arg-type]
