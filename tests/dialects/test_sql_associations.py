"""Associations in SQL: joins by each kind, the queries of preloads, and those of `assoc`."""

from typing import Any

import pytest

from ectype import (
    POSTGRES,
    SQLITE,
    Field,
    HasMany,
    QueryError,
    Rel,
    UnsupportedError,
    alias,
    assoc,
    field,
    fn,
    from_,
    has_many,
    maybe,
    primary_key,
    subquery,
)
from ectype.repo.related import related_query
from ectype.sql.compilers import compile_select
from tests.dialects.expecting import ExpectSql, Refused
from tests.dialects.world import Alarm, Article, Blog, Member, Profile, Remark, Slot, Team
from tests.dialects.world import Membership as Between

MEMBERS = from_(Member)
ANN, BEN = Member(id=1, name="Ann"), Member(id=2, name="Ben", manager_id=1)
IN_1_2 = "(SELECT value FROM json_each(?1))"


def preload(path: Rel[Any, Any], keys: list[Any]) -> Any:
    hop = path.hops[-1]
    return related_query(hop.association, hop.custom, keys)


def test_has_one_joins_by_the_foreign_key_there(expect_sql: ExpectSql):
    expect_sql(
        MEMBERS.join(Member.profile).select(Member.name, Profile.bio),
        'SELECT "m0"."name", "p1"."bio" FROM "users" AS "m0" JOIN "profiles" AS "p1" ON "p1"."user_id" = "m0"."id"',
        rows=[("Ann", "likes engines"), ("Ben", "keeps bees")],
    )


def test_many_to_many_joins_the_table_between_and_then_the_related_one(expect_sql: ExpectSql):
    expect_sql(
        MEMBERS.join(Member.teams).order_by(Member.id, Team.id).select(Member.name, Team.name),
        'SELECT "m0"."name", "t2"."name" FROM "users" AS "m0" '
        'JOIN "memberships" AS "m1" ON "m1"."user_id" = "m0"."id" '
        'JOIN "teams" AS "t2" ON "t2"."id" = "m1"."team_id" ORDER BY "m0"."id", "t2"."id"',
        rows=[("Ann", "Core"), ("Ann", "Docs"), ("Ann", "Retired"), ("Ben", "Core"), ("Cleo", "Docs")],
    )
    expect_sql(
        from_(Team).join(Team.members).where(Team.id == 1).select(Member.name),
        'SELECT "m2"."name" FROM "teams" AS "t0" JOIN "memberships" AS "m1" ON "m1"."team_id" = "t0"."id" '
        'JOIN "users" AS "m2" ON "m2"."id" = "m1"."user_id" WHERE "t0"."id" = $1',
        params=(1,),
        rows=["Ann", "Ben"],
    )


def test_a_left_join_of_a_many_to_many_leaves_both_tables_out(expect_sql: ExpectSql):
    expect_sql(
        MEMBERS.left_join(Member.teams).where(Member.id > 2).select(Member.name, maybe(Team.name)),
        'SELECT "m0"."name", "t2"."name" FROM "users" AS "m0" '
        'LEFT JOIN "memberships" AS "m1" ON "m1"."user_id" = "m0"."id" '
        'LEFT JOIN "teams" AS "t2" ON "t2"."id" = "m1"."team_id" WHERE "m0"."id" > $1',
        params=(2,),
        rows=[("Cleo", "Docs"), ("Dan", None)],
    )


def test_conditions_of_the_association_are_part_of_the_join(expect_sql: ExpectSql):
    expect_sql(
        MEMBERS.where(Member.id > 0).left_join(Member.led).where(Member.id < 4).select(Member.name, maybe(Team.name)),
        'SELECT "m0"."name", "t2"."name" FROM "users" AS "m0" '
        'LEFT JOIN "memberships" AS "m1" ON ("m1"."user_id" = "m0"."id") AND ("m1"."role" = $2) '
        'LEFT JOIN "teams" AS "t2" ON ("t2"."id" = "m1"."team_id") AND ("t2"."name" <> $3) '
        'WHERE ("m0"."id" > $1) AND ("m0"."id" < $4)',
        params=(0, "lead", "Retired", 4),
        rows=[("Ann", "Core"), ("Ann", "Docs"), ("Ann", None), ("Ben", None), ("Cleo", "Docs")],
    )
    expect_sql(
        MEMBERS.join(Member.liked).select(Member.name, Article.title),
        'SELECT "m0"."name", "a1"."title" FROM "users" AS "m0" '
        'JOIN "posts" AS "a1" ON ("a1"."author_id" = "m0"."id") AND ("a1"."score" > $1)',
        params=(3,),
        rows=[("Ann", "Engines"), ("Ben", "Bees")],
    )


def test_conditions_of_the_association_hold_under_an_alias_too(expect_sql: ExpectSql):
    best, team = alias(Article, "best"), alias(Team, "led")
    query = MEMBERS.join(Member.articles).join(Member.liked, as_=best).where(Article.id != best.id)
    expect_sql(
        query.select(Member.name, Article.title, best.title),
        'SELECT "m0"."name", "a1"."title", "b2"."title" FROM "users" AS "m0" '
        'JOIN "posts" AS "a1" ON "a1"."author_id" = "m0"."id" '
        'JOIN "posts" AS "b2" ON ("b2"."author_id" = "m0"."id") AND ("b2"."score" > $1) WHERE "a1"."id" <> "b2"."id"',
        params=(3,),
        rows=[("Ann", "Notes", "Engines")],
    )
    expect_sql(
        MEMBERS.join(Member.teams).join(Member.led, as_=team).where(Member.id == 3).select(Team.name, team.name),
        'SELECT "t2"."name", "l4"."name" FROM "users" AS "m0" '
        'JOIN "memberships" AS "m1" ON "m1"."user_id" = "m0"."id" JOIN "teams" AS "t2" ON "t2"."id" = "m1"."team_id" '
        'JOIN "memberships" AS "m3" ON ("m3"."user_id" = "m0"."id") AND ("m3"."role" = $1) '
        'JOIN "teams" AS "l4" ON ("l4"."id" = "m3"."team_id") AND ("l4"."name" <> $2) WHERE "m0"."id" = $3',
        params=("lead", "Retired", 3),
        rows=[("Docs", "Docs")],
    )


def test_a_subquery_stands_in_for_the_related_table_with_its_own_parameters_between(expect_sql: ExpectSql):
    few = subquery(from_(Team).where(Team.id < 3), "few")
    expect_sql(
        MEMBERS.where(Member.id > 0).join(Member.led, as_=few).where(Member.id < 9).select(Member.name, few.name),
        'SELECT "m0"."name", "f2"."name" FROM "users" AS "m0" '
        'JOIN "memberships" AS "m1" ON ("m1"."user_id" = "m0"."id") AND ("m1"."role" = $2) '
        'JOIN (SELECT "t0"."id" AS "id", "t0"."name" AS "name" FROM "teams" AS "t0" WHERE "t0"."id" < $3) AS "f2" '
        'ON ("f2"."id" = "m1"."team_id") AND ("f2"."name" <> $4) WHERE ("m0"."id" > $1) AND ("m0"."id" < $5)',
        params=(0, "lead", 3, "Retired", 9),
        rows=[("Ann", "Core"), ("Ann", "Docs"), ("Cleo", "Docs")],
    )


def test_a_through_joins_every_hop(expect_sql: ExpectSql):
    expect_sql(
        MEMBERS.join(Member.remarks).select(Member.name, Remark.body),
        'SELECT "m0"."name", "r2"."body" FROM "users" AS "m0" JOIN "posts" AS "a1" ON "a1"."author_id" = "m0"."id" '
        'JOIN "comments" AS "r2" ON "r2"."post_id" = "a1"."id"',
        rows=[("Ann", "first"), ("Ann", "second"), ("Ben", "buzz")],
    )
    expect_sql(
        from_(Article).left_join(Article.author_profile).select(Article.title, maybe(Profile.bio)),
        'SELECT "a0"."title", "p2"."bio" FROM "posts" AS "a0" '
        'LEFT JOIN "users" AS "m1" ON "m1"."id" = "a0"."author_id" '
        'LEFT JOIN "profiles" AS "p2" ON "p2"."user_id" = "m1"."id"',
        rows=[("100% wool", None), ("Bees", "keeps bees"), ("Engines", "likes engines"), ("Notes", "likes engines")],
    )
    expect_sql(
        from_(Team).left_join(Team.remarks).where(Team.id > 1).select(Team.name, maybe(Remark.body)),
        'SELECT "t0"."name", "r4"."body" FROM "teams" AS "t0" '
        'LEFT JOIN "memberships" AS "m1" ON "m1"."team_id" = "t0"."id" '
        'LEFT JOIN "users" AS "m2" ON "m2"."id" = "m1"."user_id" '
        'LEFT JOIN "posts" AS "a3" ON "a3"."author_id" = "m2"."id" '
        'LEFT JOIN "comments" AS "r4" ON "r4"."post_id" = "a3"."id" WHERE "t0"."id" > $1',
        params=(1,),
        rows=[
            ("Docs", "first"), ("Docs", "second"), ("Docs", None), ("Docs", None),
            ("Retired", "first"), ("Retired", "second"), ("Retired", None),
        ],
    )  # fmt: skip


def test_a_further_condition_is_part_of_the_last_join(expect_sql: ExpectSql):
    expect_sql(
        MEMBERS.left_join(Member.led, on=Team.id < 2).where(Member.id < 3).select(Member.name, maybe(Team.name)),
        'SELECT "m0"."name", "t2"."name" FROM "users" AS "m0" '
        'LEFT JOIN "memberships" AS "m1" ON ("m1"."user_id" = "m0"."id") AND ("m1"."role" = $1) '
        'LEFT JOIN "teams" AS "t2" ON (("t2"."id" = "m1"."team_id") AND ("t2"."name" <> $2)) AND ("t2"."id" < $3) '
        'WHERE "m0"."id" < $4',
        params=("lead", "Retired", 2, 3),
        rows=[("Ann", "Core"), ("Ann", None), ("Ann", None), ("Ben", None)],
    )


def test_a_right_join_of_a_many_to_many_keeps_every_related_row(expect_sql: ExpectSql):
    text = (
        'SELECT "t0"."name", "m2"."name" FROM "teams" AS "t0" '
        'RIGHT JOIN "memberships" AS "m1" ON "m1"."team_id" = "t0"."id" '
        'RIGHT JOIN "users" AS "m2" ON "m2"."id" = "m1"."user_id" WHERE "m2"."id" > $1'
    )
    expect_sql(
        from_(Team).right_join(Team.members).where(Member.id > 2).select(maybe(Team.name), Member.name),
        text,
        Refused(UnsupportedError, "has no right join"),
        params=(2,),
        rows=[("Docs", "Cleo"), (None, "Dan")],
    )


def test_hops_of_two_throughs_never_clash(expect_sql: ExpectSql):
    again = alias(Remark, "again")
    query = MEMBERS.join(Member.remarks).join(Member.articles).join(Member.remarks, as_=again)
    expect_sql(
        query.where(Remark.id == 1, again.id == 2).select(Article.title),
        'SELECT "a3"."title" FROM "users" AS "m0" JOIN "posts" AS "a1" ON "a1"."author_id" = "m0"."id" '
        'JOIN "comments" AS "r2" ON "r2"."post_id" = "a1"."id" JOIN "posts" AS "a3" ON "a3"."author_id" = "m0"."id" '
        'JOIN "posts" AS "a4" ON "a4"."author_id" = "m0"."id" JOIN "comments" AS "a5" ON "a5"."post_id" = "a4"."id" '
        'WHERE ("r2"."id" = $1) AND ("a5"."id" = $2)',
        params=(1, 2),
        rows=["Engines", "Notes"],
    )


def test_only_the_last_step_comes_into_scope():
    for column in (Article.title, Between.role):
        with pytest.raises(QueryError, match="is not in this query: in scope are Member, Remark, Team"):
            MEMBERS.join(Member.remarks).join(Member.teams).where(column == "x")


def test_an_alias_has_relations_of_its_own(expect_sql: ExpectSql):
    boss = alias(Member, "boss")
    expect_sql(
        MEMBERS.join(Member.manager, as_=boss).join(boss.teams).where(Team.id == 1).select(Member.name, boss.name),
        'SELECT "m0"."name", "b1"."name" FROM "users" AS "m0" JOIN "users" AS "b1" ON "b1"."id" = "m0"."manager_id" '
        'JOIN "memberships" AS "m2" ON "m2"."user_id" = "b1"."id" JOIN "teams" AS "t3" ON "t3"."id" = "m2"."team_id" '
        'WHERE "t3"."id" = $1',
        params=(1,),
        rows=[("Ben", "Ann"), ("Cleo", "Ann"), ("Dan", "Ben")],
    )


def test_keys_of_several_columns_are_compared_one_by_one(expect_sql: ExpectSql):
    expect_sql(
        from_(Slot).join(Slot.alarms).select(Slot.sensor, Slot.hour, Alarm.id),
        'SELECT "s0"."sensor", "s0"."hour", "a1"."id" FROM "readings" AS "s0" '
        'JOIN "alarms" AS "a1" ON ("a1"."of_sensor" = "s0"."sensor") AND ("a1"."of_hour" = "s0"."hour")',
        rows=[(1, 0, 1), (1, 0, 2), (2, 0, 3)],
    )
    expect_sql(
        from_(Alarm).left_join(Alarm.slot).order_by(Alarm.id).select(Alarm.id, maybe(Slot.hour)),
        'SELECT "a0"."id", "s1"."hour" FROM "alarms" AS "a0" LEFT JOIN "readings" AS "s1" '
        'ON ("s1"."sensor" = "a0"."of_sensor") AND ("s1"."hour" = "a0"."of_hour") ORDER BY "a0"."id"',
        rows=[(1, 0), (2, 0), (3, 0), (4, None)],
    )


def test_equal_joins_are_one_shape():
    for make in (
        lambda: MEMBERS.join(Member.led),
        lambda: MEMBERS.join(Member.remarks),
        lambda: MEMBERS.left_join(Member.teams),
        lambda: MEMBERS.join(Member.led, as_=alias(Team, "other")),
        lambda: assoc(ANN, Member.led),
        lambda: assoc(ANN, Member.remarks),
        lambda: preload(Member.led.limit(2), [1]),
        lambda: preload(Slot.alarms, [(1, 2)]),
    ):
        assert make().node is make().node


def test_a_join_prints_what_it_joins():
    assert repr(MEMBERS.join(Member.led)) == (
        "from_(Member).join(Membership, on=(Membership.user_id == Member.id) & (Membership.role == 'lead'))"
        ".join(Team, on=(Team.id == Membership.team_id) & (Team.name != 'Retired'))"
    )


# --- the queries of preloads


def test_a_preload_of_a_has_one_comes_by_key(expect_sql: ExpectSql):
    expect_sql(
        preload(Member.profile, [1, 2]),
        'SELECT "p0"."id", "p0"."bio", "p0"."user_id" FROM "profiles" AS "p0" WHERE "p0"."user_id" = ANY($1) '
        'ORDER BY "p0"."id"',
        'SELECT "p0"."id", "p0"."bio", "p0"."user_id" FROM "profiles" AS "p0" '
        f'WHERE ("p0"."user_id" IN {IN_1_2}) ORDER BY "p0"."id"',
        params=([1, 2],),
        sqlite_params=("[1, 2]",),
        rows=[Profile(id=1, bio="likes engines", user_id=1), Profile(id=2, bio="keeps bees", user_id=2)],
    )


def test_a_preload_of_a_many_to_many_reads_the_owners_key_beside_each_row(expect_sql: ExpectSql):
    expect_sql(
        preload(Member.led, [1, 2, 3]),
        'SELECT "t0"."id", "t0"."name", "m1"."user_id" FROM "teams" AS "t0" '
        'JOIN "memberships" AS "m1" ON ("m1"."team_id" = "t0"."id") AND ("m1"."role" = $1) '
        'WHERE ("m1"."user_id" = ANY($2)) AND ("t0"."name" <> $3) ORDER BY "m1"."since" DESC, "t0"."name", "t0"."id"',
        'SELECT "t0"."id", "t0"."name", "m1"."user_id" FROM "teams" AS "t0" '
        'JOIN "memberships" AS "m1" ON ("m1"."team_id" = "t0"."id") AND ("m1"."role" = ?1) '
        'WHERE ("m1"."user_id" IN (SELECT value FROM json_each(?2))) AND ("t0"."name" <> ?3) '
        'ORDER BY "m1"."since" DESC, "t0"."name", "t0"."id"',
        params=("lead", [1, 2, 3], "Retired"),
        sqlite_params=("lead", "[1, 2, 3]", "Retired"),
        rows=[(Team(id=2, name="Docs"), 1), (Team(id=1, name="Core"), 1), (Team(id=2, name="Docs"), 3)],
    )


def test_a_limit_ranks_the_rows_of_each_owner(expect_sql: ExpectSql):
    expect_sql(
        preload(Member.teams.order_by(Team.name.desc()).limit(1), [1, 2]),
        'SELECT "t0"."id", "t0"."name", "r1"."owner0" FROM "teams" AS "t0" JOIN (SELECT "t0"."id" AS "key0", '
        '"m1"."user_id" AS "owner0", row_number() OVER (PARTITION BY "m1"."user_id" ORDER BY "t0"."name" DESC, '
        '"t0"."id") AS "rank" FROM "teams" AS "t0" JOIN "memberships" AS "m1" ON "m1"."team_id" = "t0"."id" '
        'WHERE "m1"."user_id" = ANY($1)) AS "r1" ON "r1"."key0" = "t0"."id" WHERE "r1"."rank" <= $2 '
        'ORDER BY "r1"."rank"',
        'SELECT "t0"."id", "t0"."name", "r1"."owner0" FROM "teams" AS "t0" JOIN (SELECT "t0"."id" AS "key0", '
        '"m1"."user_id" AS "owner0", row_number() OVER (PARTITION BY "m1"."user_id" ORDER BY "t0"."name" DESC, '
        '"t0"."id") AS "rank" FROM "teams" AS "t0" JOIN "memberships" AS "m1" ON "m1"."team_id" = "t0"."id" '
        f'WHERE ("m1"."user_id" IN {IN_1_2})) AS "r1" ON "r1"."key0" = "t0"."id" WHERE "r1"."rank" <= ?2 '
        'ORDER BY "r1"."rank"',
        params=([1, 2], 1),
        sqlite_params=("[1, 2]", 1),
    )


def test_keys_of_several_columns_travel_as_one_parameter(expect_sql: ExpectSql):
    expect_sql(
        preload(Slot.alarms.order_by(Alarm.id.desc()), [(1, 0), (2, 1)]),
        'SELECT "a0"."id", "a0"."of_sensor", "a0"."of_hour" FROM "alarms" AS "a0" WHERE ("a0"."of_sensor", '
        '"a0"."of_hour") IN (SELECT * FROM jsonb_to_recordset($1) AS v("c0" bigint, "c1" bigint)) '
        'ORDER BY "a0"."id" DESC',
        'SELECT "a0"."id", "a0"."of_sensor", "a0"."of_hour" FROM "alarms" AS "a0" WHERE ("a0"."of_sensor", '
        """"a0"."of_hour") IN (SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?1)) """
        'ORDER BY "a0"."id" DESC',
        params=('[{"c0": 1, "c1": 0}, {"c0": 2, "c1": 1}]',),
        sqlite_params=("[[1, 0], [2, 1]]",),
        rows=[Alarm(id=2, of_sensor=1, of_hour=0), Alarm(id=1, of_sensor=1, of_hour=0)],
    )


def test_only_reads_the_columns_and_the_keys(expect_sql: ExpectSql):
    expect_sql(
        preload(Article.remarks.only(Remark.body), [3]),
        'SELECT "r0"."id", "r0"."body", "r0"."post_id" FROM "comments" AS "r0" WHERE "r0"."post_id" = ANY($1) '
        'ORDER BY "r0"."id"',
        'SELECT "r0"."id", "r0"."body", "r0"."post_id" FROM "comments" AS "r0" '
        f'WHERE ("r0"."post_id" IN {IN_1_2}) ORDER BY "r0"."id"',
        params=([3],),
        sqlite_params=("[3]",),
        rows=[Remark(id=3, body="buzz", post_id=3)],
    )


# --- assoc


def test_assoc_reads_the_rows_of_owners(expect_sql: ExpectSql):
    expect_sql(
        assoc([ANN, BEN], Member.liked).order_by(Article.id).select(Article.title),
        'SELECT "a0"."title" FROM "posts" AS "a0" WHERE ("a0"."author_id" = ANY($1)) AND ("a0"."score" > $2) '
        'ORDER BY "a0"."id"',
        f'SELECT "a0"."title" FROM "posts" AS "a0" WHERE ("a0"."author_id" IN {IN_1_2}) AND ("a0"."score" > ?2) '
        'ORDER BY "a0"."id"',
        params=([1, 2], 3),
        sqlite_params=("[1, 2]", 3),
        rows=["Engines", "Bees"],
    )
    expect_sql(
        assoc([ANN, BEN], Member.manager).select(Member.name),
        'SELECT "m0"."name" FROM "users" AS "m0" WHERE "m0"."id" = ANY($1)',
        f'SELECT "m0"."name" FROM "users" AS "m0" WHERE ("m0"."id" IN {IN_1_2})',
        params=([1],),
        sqlite_params=("[1]",),
        rows=["Ann"],
    )
    expect_sql(
        assoc(ANN, Member.manager).select(Member.name),
        'SELECT "m0"."name" FROM "users" AS "m0" WHERE "m0"."id" = ANY($1)',
        f'SELECT "m0"."name" FROM "users" AS "m0" WHERE ("m0"."id" IN {IN_1_2})',
        params=([],),
        sqlite_params=("[]",),
        rows=[],
    )


def test_assoc_over_a_table_between_gives_each_row_once(expect_sql: ExpectSql):
    expect_sql(
        assoc([ANN, BEN], Member.led).order_by(Team.id).select(Team.name),
        'SELECT "t0"."name" FROM "teams" AS "t0" WHERE ("t0"."id" IN (SELECT "m1"."team_id" FROM "memberships" AS "m1" '
        'WHERE ("m1"."user_id" = ANY($1)) AND ("m1"."role" = $2))) AND ("t0"."name" <> $3) ORDER BY "t0"."id"',
        'SELECT "t0"."name" FROM "teams" AS "t0" WHERE ("t0"."id" IN (SELECT "m1"."team_id" FROM "memberships" AS "m1" '
        f'WHERE ("m1"."user_id" IN {IN_1_2}) AND ("m1"."role" = ?2))) AND ("t0"."name" <> ?3) ORDER BY "t0"."id"',
        params=([1, 2], "lead", "Retired"),
        sqlite_params=("[1, 2]", "lead", "Retired"),
        rows=["Core", "Docs"],
    )
    expect_sql(
        assoc([ANN, BEN], Member.teams).select(Team.name),
        'SELECT "t0"."name" FROM "teams" AS "t0" WHERE "t0"."id" IN (SELECT "m1"."team_id" FROM "memberships" AS "m1" '
        'WHERE "m1"."user_id" = ANY($1))',
        'SELECT "t0"."name" FROM "teams" AS "t0" WHERE "t0"."id" IN (SELECT "m1"."team_id" FROM "memberships" AS "m1" '
        f'WHERE ("m1"."user_id" IN {IN_1_2}))',
        params=([1, 2],),
        sqlite_params=("[1, 2]",),
        rows=["Core", "Docs", "Retired"],
    )


def test_assoc_follows_throughs_and_paths(expect_sql: ExpectSql):
    through = (
        'SELECT "r0"."body" FROM "comments" AS "r0" WHERE "r0"."post_id" IN '
        '(SELECT "a1"."id" FROM "posts" AS "a1" WHERE {})'
    )
    for path in (Member.remarks, Member.articles / Article.remarks):
        expect_sql(
            assoc(ANN, path).select(Remark.body),
            through.format('"a1"."author_id" = ANY($1)'),
            through.format(f'("a1"."author_id" IN {IN_1_2})'),
            params=([1],),
            sqlite_params=("[1]",),
            rows=["first", "second"],
        )
    colleagues = assoc(BEN, Member.teams / Team.members).order_by(Member.id).select(Member.name)
    nested = (
        'SELECT "m0"."name" FROM "users" AS "m0" WHERE "m0"."id" IN (SELECT "m1"."user_id" FROM "memberships" AS "m1" '
        'WHERE "m1"."team_id" IN (SELECT "t2"."id" FROM "teams" AS "t2" WHERE "t2"."id" IN (SELECT "m3"."team_id" '
        'FROM "memberships" AS "m3" WHERE {}))) ORDER BY "m0"."id"'
    )
    expect_sql(
        colleagues,
        nested.format('"m3"."user_id" = ANY($1)'),
        nested.format(f'("m3"."user_id" IN {IN_1_2})'),
        params=([2],),
        sqlite_params=("[2]",),
        rows=["Ann", "Ben"],
    )


def test_assoc_over_keys_of_several_columns_asks_whether_a_row_exists(expect_sql: ExpectSql):
    text = (
        'SELECT "a0"."id" FROM "alarms" AS "a0" WHERE EXISTS(SELECT 1 FROM "readings" AS "s1" '
        'WHERE (("s1"."sensor", "s1"."hour") IN ({})) AND ("s1"."sensor" = "a0"."of_sensor") '
        'AND ("s1"."hour" = "a0"."of_hour")) ORDER BY "a0"."id"'
    )
    expect_sql(
        assoc(Alarm(id=9, of_sensor=1, of_hour=0), Alarm.slot / Slot.alarms).order_by(Alarm.id).select(Alarm.id),
        text.format('SELECT * FROM jsonb_to_recordset($1) AS v("c0" bigint, "c1" bigint)'),
        text.format("SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?1)"),
        params=('[{"c0": 1, "c1": 0}]',),
        sqlite_params=("[[1, 0]]",),
        rows=[1, 2],
    )


def test_assoc_composes_with_joins_and_aggregates(expect_sql: ExpectSql):
    query = assoc(ANN, Member.articles).join(Article.remarks).group_by(Article.title)
    text = (
        'SELECT "a0"."title", count("r1"."id") FROM "posts" AS "a0" JOIN "comments" AS "r1" '
        'ON "r1"."post_id" = "a0"."id" WHERE {} GROUP BY "a0"."title"'
    )
    expect_sql(
        query.select(Article.title, fn.count(Remark.id)),
        text.format('"a0"."author_id" = ANY($1)'),
        text.format(f'("a0"."author_id" IN {IN_1_2})'),
        params=([1],),
        sqlite_params=("[1]",),
        rows=[("Engines", 2)],
    )


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: assoc(ANN, Team.members), "`Team.members` starts at Team, got a struct of Member"),
        (lambda: assoc([ANN, Team(id=1, name="x")], Member.teams), "starts at Member, got a struct of Team"),
        (lambda: assoc(ANN, Member.teams.limit(3)), "`assoc` takes a plain association, got a customised Member.teams"),
        (lambda: assoc(ANN, Member.name), "`assoc` takes an association, got Member.name"),
    ],
)
def test_an_assoc_that_means_nothing_is_refused(build, message: str):
    with pytest.raises(QueryError) as caught:
        build()
    assert message in str(caught.value)


def test_a_redacted_key_stays_hidden():
    class Vault(Blog, table="vaults"):
        area: Field[str] = field(primary_key=True, redact=True)
        code: Field[int] = field(primary_key=True)
        coins: HasMany["Coin"] = has_many(foreign_key=("vault_area", "vault_code"))

    class Coin(Blog, table="coins"):
        id: Field[int] = primary_key()
        vault_area: Field[str] = field(redact=True)
        vault_code: Field[int]

    query = assoc(Vault(area="secret", code=1), Vault.coins)
    assert "secret" not in repr(query)
    assert "tuple_(Coin.vault_area, Coin.vault_code).in_(<redacted>)" in repr(query)
    for dialect in (POSTGRES, SQLITE):
        assert compile_select(query.node, dialect).redacted == {0}
