"""Every kind of command that a migration may give."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Any, assert_type

from ectype import Repo, migrations
from ectype.migrations import Migration, Raw, indexed, references, set_default, set_null, was


class Role(StrEnum):
    ADMIN = "admin"
    MEMBER = "member"


def change(m: Migration) -> None:
    with m.create_table("users", comment="people", prefix="app", if_not_exists=True) as t:
        t.column("email", str, null=False, size=200, collation="C", comment="unique")
        t.column("role", Role, default=Role.MEMBER)
        t.column("settings", dict[str, Any], default={})
        t.column("price", Decimal, precision=12, scale=2)
        t.column("twice", "bigint", generated=Raw("price * 2"), stored=False)
        t.column("number", int, identity="always", start=10, increment=5)
        t.references("team_id", "teams", on_delete=set_null("team_id"), with_={"area": "area"}, match="full")
        t.column("boss_id", references("users", on_delete=set_default("boss_id"), deferrable="deferred"))
        t.check("known", "email <> ''")
        t.unique("email", nulls_distinct=False, deferrable="immediate")
        t.exclude("apart", "gist (room WITH =)")
        t.foreign_key("number", references("numbers", validate=True))
        t.timestamps(inserted_at="made_at", updated_at=None)
    with m.alter_table("users", prefix="app") as t:
        t.modify("email", str, null=True, default=None, from_=was(str, null=False, default="x"), using=Raw("email"))
        t.modify("team_id", references("teams"), from_=int)
        t.remove("role", Role, default=Role.MEMBER)
        t.remove_if_exists("old", int)
        t.column_if_missing("new", int, default=Raw("1 + 1"))
    m.create_index("users", "email", Raw("lower(email)"), indexed("number", "desc", nulls="last"), unique=True)
    m.create_index("users", "email", include=("number",), using="gin", concurrently=True, where="number > 1")
    m.drop_index("users", name="users_email_index", if_exists=True)
    m.create_constraint("users", "adult", check="age > 17", validate=False)
    m.create_constraint("users", "team", foreign_key="team_id", references=references("teams"))
    m.drop_constraint("users", "adult", check="age > 17")
    m.validate_constraint("users", "adult")
    m.create_enum("role", Role)
    m.create_enum("mood", ["sad", "ok"])
    m.replace_view("adults", "SELECT 1", was="SELECT 2")
    m.replace_trigger("touch", "users", "AFTER INSERT", "x", was=("AFTER INSERT", "y"))
    m.comment("users", "people", column="email", was=None)
    assert_type(m.prefix, str | None)


async def fill(m: Migration) -> None:
    await m.flush()
    assert_type(m.repo, Repo)


async def run(repo: Repo) -> None:
    assert_type(await migrations.up(repo, 1, fill), bool)
