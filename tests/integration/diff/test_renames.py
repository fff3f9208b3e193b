"""What has another name now is asked for or said, never guessed, and its rows stay."""

import pytest

from ectype import Field, check, column, field, index, primary_key, references, structure
from ectype.errors import MigrationError
from ectype.migrations.errors import RenameQuestionError


def named(*names, table="users", **options):
    """Declare a table with text columns of these names."""

    def declare(base):
        members = {"id": primary_key(), **{name: field(**options.get(name, {})) for name in names}}
        notes = {"id": Field[int], **dict.fromkeys(names, Field[str])}
        User = type(base)("User", (base,), {**members, "__annotations__": notes, "__module__": __name__}, table=table)
        return User, structure(User, renamed_from=options.get("renamed_from"))

    return declare


async def made(project, *names):
    await project.write(named(*names))
    await project.apply()
    values = ", ".join(f"'{name}'" for name in names)
    await project.execute(f"INSERT INTO users ({', '.join(names)}) VALUES ({values})")


async def test_without_an_answer_it_stops_and_shows_the_two_ways_to_say_it(project):
    await made(project, "a")
    with pytest.raises(RenameQuestionError, match=r"`users\.a` is gone, and `b` is new") as caught:
        await project.diff(named("b"))
    assert caught.value.hint == ("say so: --rename users.a:b\nor that it is gone: --rename users.a:")


async def test_all_answers_lead_where_they_say(project):
    await made(project, "a", "b")
    for answers, expected in (
        ({"a": "c", "b": "d"}, [("a", "b")]),
        ({"c": "a", "d": "b"}, [("a", "b")]),
        ({"a": "d", "b": "c"}, [("b", "a")]),
    ):
        asked = []

        def ask(what, free, answers=answers, asked=asked):
            asked.append((what, free))
            return answers[what.rpartition(".")[2].rstrip("`")]

        names = sorted(answers.values())
        await project.write(named(*names), ask=ask)
        await project.apply()
        # The second question does not offer what the first one took.
        first, second = asked
        assert set(second[1]) == set(first[1]) - {answers[first[0].rpartition(".")[2].rstrip("`")]}
        assert await project.rows(f"SELECT {', '.join(names)} FROM users") == expected


async def test_a_schema_may_say_the_former_names_itself(project):
    await made(project, "a")
    declared = named("b", table="people", renamed_from="users", b={"db": column(renamed_from="a")})
    await project.write(declared)
    await project.apply()
    assert await project.rows("SELECT b FROM people") == [("a",)]
    assert (await project.diff(declared)).difference.steps == []


async def test_what_is_gone_for_good_is_dropped_and_said_to_be_lost(project):
    await made(project, "a")
    found = await project.diff(named("b"), renames=["users.a:"])
    assert [step.loses for step in found.difference.steps if step.loses] == ["the column `users.a` with its values"]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("users", "takes a table or a column"),
        ("users.a", "takes a table or a column"),
        ("users.a:b.c", "takes a table or a column"),
        (":b", "takes a table or a column"),
        ("users.a:c", "`users.a` cannot become `c`"),
        ("users:people", "`users` cannot become `people`"),
    ],
)
async def test_a_rename_that_means_nothing_is_refused(project, said, message):
    await made(project, "a")
    with pytest.raises(MigrationError, match=message):
        await project.diff(named("b"), renames=[said])


async def test_everything_that_mentions_a_renamed_column_goes_with_it(project):
    def declared(name):
        def on(base):
            class Team(base, table="teams"):
                id: Field[int] = primary_key()
                code: Field[int] = field(source=name)

            class User(base, table="users"):
                id: Field[int] = primary_key()
                team: Field[int] = field(source=f"team_{name}")

            return (
                structure(
                    Team, indexes=[index(Team.code, where=Team.code > 3, name="t")], checks=[check("ok", Team.code > 0)]
                ),
                structure(
                    User, foreign_keys=[references(User.id, Team.id, name="u")], indexes=[index(User.team, name="i")]
                ),
            )

        return on

    await project.write(declared("code"))
    await project.apply()
    (text,) = await project.write(declared("number"), renames=["teams.code:number", "users.team_code:team_number"])
    assert text == (
        'm.rename_column("teams", "code", to="number")\nm.rename_column("users", "team_code", to="team_number")'
    )
    await project.apply()
    assert (await project.diff(declared("number"))).difference.steps == []
