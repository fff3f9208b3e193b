"""What a class body may say of an association of each kind, and the line to write instead of what it may not."""

import pickle
from typing import Any

import pytest

from ectype import (
    POSTGRES,
    BelongsTo,
    Field,
    HasMany,
    HasOne,
    ManyToMany,
    NotLoadedError,
    QueryError,
    Registry,
    Rel,
    Schema,
    SchemaError,
    alias,
    belongs_to,
    evolve,
    exists,
    field,
    from_,
    has_many,
    has_one,
    is_loaded,
    many_to_many,
    outer,
    primary_key,
)
from ectype.schema.associations import Association


class Club(Schema, abstract=True, registry=Registry()):
    pass


class Person(Club, table="people"):
    id: Field[int] = primary_key()
    name: Field[str]
    card: HasOne["Card | None"] = has_one()
    groups: ManyToMany["Group"] = many_to_many(through="people_groups")
    chosen: ManyToMany["Group"] = many_to_many(through=lambda: Seat, join_where=lambda: Seat.role == "lead")
    friends: ManyToMany["Person"] = many_to_many(through="friends", join_keys=("of_id", "to_id"))
    same: ManyToMany["Person"] = many_to_many(through="friends")
    coded: ManyToMany["Group"] = many_to_many(
        through="coded", join_keys={"person_id": "id", ("area", "code"): ("area", "code")}
    )
    notes: HasMany["Note"] = has_many(through=lambda: Person.groups / Group.notes)
    first_group: HasOne["Group | None"] = has_one(through=lambda: Person.groups)
    misspelt: HasMany["Note"] = has_many(through=lambda: Person.gruops / Group.notes)  # type: ignore[attr-defined]
    gone: HasMany["Note"] = has_many(through=lambda: Missing.notes)  # type: ignore[name-defined]  # noqa: F821
    elsewhere: HasMany["Note"] = has_many(through=lambda: Group.notes)
    narrowed: HasMany["Note"] = has_many(through=lambda: Person.groups / Group.notes.limit(1))
    round_one: HasMany["Person"] = has_many(through=lambda: Person.round_two)
    round_two: HasMany["Person"] = has_many(through=lambda: Person.round_one)
    wrong_where: HasMany["Note"] = has_many(foreign_key="group_id", where=lambda: Group.area == "x")
    no_where: HasMany["Note"] = has_many(foreign_key="group_id", where=lambda: True)
    wrong_order: HasMany["Note"] = has_many(foreign_key="group_id", preload_order=lambda: "id")
    asked: HasMany["Note"] = has_many(
        foreign_key="group_id", where=lambda: exists(from_(Group).where(Group.id == outer(Note.group_id)))
    )
    untied: ManyToMany["Note"] = many_to_many(through=lambda: Seat)
    no_schema: ManyToMany["Note"] = many_to_many(through=lambda: "seats")  # type: ignore[arg-type,return-value]


class Group(Club, table="groups"):
    id: Field[int] = primary_key()
    area: Field[str]
    code: Field[int]
    notes: HasMany["Note"] = has_many()
    people: ManyToMany[Person] = many_to_many(through=lambda: Seat)


class Note(Club, table="notes"):
    id: Field[int] = primary_key()
    group_id: Field[int]


class Card(Club, table="cards"):
    id: Field[int] = primary_key()
    person_id: Field[int]


class Seat(Club, table="seats"):
    """Its columns are not named after the schemas: the `belongs_to` say where they point."""

    whose: Field[int] = field(primary_key=True)
    group_id: Field[int] = field(primary_key=True)
    role: Field[str]
    person: BelongsTo[Person] = belongs_to(foreign_key="whose")


def one(model: type[Schema], name: str) -> Association:
    return model.__schema__.associations[name]


def between(name: str, model: type[Schema] = Person) -> tuple[Any, ...]:
    found = one(model, name)
    assert found.join is not None
    info = found.join.source.info
    return info.table, found.join.owner_keys, found.owner_keys, found.join.related_keys, found.related_keys


def test_the_kind_says_whether_it_is_one_or_many():
    kinds = {name: (found.kind, found.cardinality) for name, found in Person.__schema__.associations.items()}
    assert kinds["card"] == ("has_one", "one")
    assert kinds["groups"] == ("many_to_many", "many")
    assert kinds["notes"] == ("has_many", "many")
    assert one(Person, "card").related_keys == ("person_id",)


def test_the_keys_of_a_table_between_follow_from_names_or_are_named():
    assert between("groups") == ("people_groups", ("person_id",), ("id",), ("group_id",), ("id",))
    assert between("friends") == ("friends", ("of_id",), ("id",), ("to_id",), ("id",))
    assert between("coded") == ("coded", ("person_id",), ("id",), ("area", "code"), ("area", "code"))
    # A schema between may say by its `belongs_to` which column points where.
    assert between("chosen") == ("seats", ("whose",), ("id",), ("group_id",), ("id",))
    assert between("people", Group) == ("seats", ("group_id",), ("id",), ("whose",), ("id",))


def test_the_columns_of_a_table_known_by_name_have_the_types_of_the_keys():
    join = one(Person, "coded").join
    assert join is not None
    fields = join.source.info.fields
    assert {name: known.type for name, known in fields.items()} == {
        "person_id": Person.__schema__.fields["id"].type,
        "area": Group.__schema__.fields["area"].type,
        "code": Group.__schema__.fields["code"].type,
    }


def test_a_table_known_by_name_stands_beside_that_of_its_owner():
    class Abroad(Schema, abstract=True, registry=Registry(), prefix="abroad"):
        pass

    class Singer(Abroad, table="singers"):
        id: Field[int] = primary_key()
        songs: ManyToMany["Song"] = many_to_many(through="singers_songs")

    class Song(Abroad, table="songs", prefix="library"):
        id: Field[int] = primary_key()
        title: Field[str]

    text, _ = from_(Singer).join(Singer.songs).select(Song.title).to_sql(POSTGRES)
    assert 'JOIN "abroad"."singers_songs" AS' in text
    assert 'JOIN "library"."songs" AS' in text


def test_a_through_is_the_associations_that_it_follows():
    assert [step.label for step in one(Person, "notes").steps] == ["Person.groups", "Group.notes"]
    assert one(Person, "groups").steps == ()


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (
            lambda: one(Person, "misspelt").steps,
            "the `through` of `Person.misspelt` mentions what does not exist: ",
        ),
        (lambda: one(Person, "gone").steps, "mentions what does not exist: name 'Missing' is not defined"),
        (
            lambda: one(Person, "elsewhere").steps,
            "`Person.elsewhere` is of Note, and its `through`, Group.notes, goes from Group to Note\n\n"
            "hint: begin at an association of Person, and end at Note",
        ),
        (lambda: one(Person, "narrowed").steps, "the `through` of `Person.narrowed` is a path of plain associations"),
        (lambda: one(Person, "round_one").steps, "`Person.round_one` goes through itself"),
        (
            lambda: one(Person, "first_group").steps,
            "`Person.first_group` goes through `Person.groups`, which leads to many rows\n\n"
            "hint: write `first_group: HasMany[Group] = has_many(through=…)`",
        ),
        (
            lambda: one(Person, "same").join,
            "both sides of `Person.same` would be `person_id`\n\n"
            'hint: name them, ours first: `many_to_many(…, join_keys=("person_id", "…"))`',
        ),
        (
            lambda: one(Person, "untied").join,
            "which column of Seat points to Note is not known for `Person.untied`",
        ),
        (
            lambda: one(Person, "no_schema").join,
            "the `through` of `Person.no_schema` is the schema between, got 'seats'",
        ),
        (
            lambda: one(Person, "wrong_where").where,
            "the `where` of `Person.wrong_where` mentions Group, and may mention Note only",
        ),
        (lambda: one(Person, "no_where").where, "the `where` of `Person.no_where` gives a condition, got True"),
        (
            lambda: one(Person, "wrong_order").preload_order,
            "the `preload_order` of `Person.wrong_order`: cannot order by",
        ),
        (lambda: from_(Person).join(Person.misspelt), "mentions what does not exist"),
    ],
)
def test_what_a_lambda_says_is_checked_at_its_first_use(use, message: str):
    with pytest.raises(SchemaError) as caught:
        use()
    assert message in str(caught.value)


def test_a_condition_that_looks_outward_is_refused_under_another_name_only():
    assert "exists(" in repr(from_(Person).join(Person.asked))
    with pytest.raises(
        QueryError, match=r"has a subquery with `outer\(Note\.group_id\)`, so it can be read under its own"
    ):
        from_(Person).join(Person.asked, as_=alias(Note, "other"))


BROKEN = {
    "a has_one that is never missing": (
        "card: HasOne['Card'] = has_one()",
        "`Owner.card` may be missing, since the row that points here may not exist\n\n"
        "hint: write `card: HasOne[Card | None] = has_one(…)`",
    ),
    "a bare has_one": (
        "card: HasOne['Card | None']",
        "`Owner.card: HasOne[Card | None]` needs a call on its right, since the constructor may omit it\n\n"
        "hint: write `card: HasOne[Card | None] = has_one()`",
    ),
    "a bare many_to_many": (
        "teams: ManyToMany['Team']",
        "`Owner.teams: ManyToMany[Team]` needs a call on its right, since the constructor may omit it\n\n"
        "hint: write `teams: ManyToMany[Team] = many_to_many(through=…)`",
    ),
    "a call of another kind": (
        "teams: ManyToMany['Team'] = has_many()",
        "hint: write `teams: ManyToMany[Team] = many_to",
    ),
    "a list that may be None": (
        "teams: ManyToMany['Team | None'] = many_to_many(through='x')",
        "`Owner.teams` is a list, which is empty where there is nothing, and never None\n\n"
        "hint: write `teams: ManyToMany[Team] = many_to_many(…)`",
    ),
    "a has_many that may be None": (
        "teams: HasMany['Team | None'] = has_many()",
        "hint: write `teams: HasMany[Team] = has_many(…)`",
    ),
    "no schema": ("card: HasOne = has_one()", "`Owner.card: HasOne` does not say its schema"),
    "an option that does not exist": (
        "teams: HasMany['Team'] = has_many(forein_key='x')",
        "`has_many` of `Owner.teams` does not know the option `forein_key`\n\nhint: did you mean `foreign_key`",
    ),
    "an option of another kind": (
        "boss_id: Field[int]\n    boss: BelongsTo['Owner'] = belongs_to(through=lambda: 1)",
        "`belongs_to` of `Owner.boss` does not know the option `through`\n\n"
        "hint: known options are: foreign_key, references, where",
    ),
    "a condition that is no lambda": (
        "teams: HasMany['Team'] = has_many(where=True)",
        "`where` of `Owner.teams` is called at first use, when every schema exists, got True\n\n"
        "hint: write `where=lambda: Team.… == …`",
    ),
    "a path that is no lambda": (
        "teams: HasMany['Team'] = has_many(through='team')",
        "hint: write `through=lambda: Owner.… / Team.…`",
    ),
    "a through with a key": (
        "teams: HasMany['Team'] = has_many(through=lambda: 1, foreign_key='x')",
        "`Owner.teams` goes through other associations, so `foreign_key` has no meaning for it\n\n"
        "hint: give `foreign_key` to the associations that it follows",
    ),
    "a through with a condition": (
        "teams: HasMany['Team'] = has_many(through=lambda: 1, where=lambda: 1)",
        "so `where` has no meaning for it",
    ),
    "a through with an order": (
        "teams: HasMany['Team'] = has_many(through=lambda: 1, preload_order=lambda: 1)",
        "so `preload_order` has no meaning for it",
    ),
    "a through with a table": (
        "teams: HasMany['Team'] = has_many(through=lambda: 1, source='x')",
        "so `source` has no meaning for it",
    ),
    "a table that is no name": (
        "teams: HasMany['Team'] = has_many(source=' ')",
        "`source` of `Owner.teams` is the name of a table, got ' '\n\nhint: write `source=\"post_comments\"`",
    ),
    "a table that is a schema": (
        "card: HasOne['Card | None'] = has_one(source=Schema)",
        "`source` of `Owner.card` is the name of a table, got",
    ),
    "a table of the one that it belongs to": (
        "boss_id: Field[int]\n    boss: BelongsTo['Owner'] = belongs_to(source='x')",
        "`belongs_to` of `Owner.boss` does not know the option `source`",
    ),
    "no table between": (
        "teams: ManyToMany['Team'] = many_to_many(through='')",
        "`Owner.teams` needs the table between the two schemas, got ''",
    ),
    "a class between": (
        "teams: ManyToMany['Team'] = many_to_many(through=Schema)",
        "or `through=lambda: Membership` where it is a schema",
    ),
    "a condition on a table without a schema": (
        "teams: ManyToMany['Team'] = many_to_many(through='seats', join_where=lambda: 1)",
        "`join_where` of `Owner.teams` mentions columns of `seats`, which is no schema",
    ),
    "one join key": (
        "teams: ManyToMany['Team'] = many_to_many(through='seats', join_keys=('a',))",
        "`join_keys` of `Owner.teams` names two keys of the table between, ours first, got ('a',)",
    ),
    "two equal join keys": (
        "teams: ManyToMany['Team'] = many_to_many(through='seats', join_keys=('a', 'a'))",
        "names two keys of the table between",
    ),
    "a join key that is no name": (
        "teams: ManyToMany['Team'] = many_to_many(through='seats', join_keys={'a': 1, 'b': 'id'})",
        "names two keys of the table between",
    ),
    "keys of different lengths": (
        "x: Field[int]\n    y: Field[int]\n"
        "    grid: BelongsTo['Grid'] = belongs_to(foreign_key=('x', 'y'), references='id')",
        "`Owner.grid` compares 2 columns with 1: id",
    ),
    "a key that is no name": (
        "teams: HasMany['Team'] = has_many(foreign_key=3)",
        "`foreign_key` of `Owner.teams` is the name of a column, or a tuple of names, got 3",
    ),
    "a key that is missing": (
        "x: Field[int]\n    grid: BelongsTo['Grid'] = belongs_to(foreign_key=('x', 'y'), references=('x', 'y'))",
        "`Owner.grid` needs its foreign key `y`, which Owner does not have",
    ),
    "a key with the name of its association": (
        "grid: BelongsTo['Grid'] = belongs_to(foreign_key='grid')",
        "`Owner.grid` has the name of its own foreign key\n\n"
        'hint: name the column: `grid_id: Field[int]` and `BelongsTo[Grid] = belongs_to(foreign_key="grid_id")`',
    ),
    "a key of two columns of which one may be missing": (
        "x: Field[int]\n    y: Field[int | None]\n"
        "    grid: BelongsTo['Grid'] = belongs_to(foreign_key=('x', 'y'), references=('x', 'y'))",
        "`Owner.grid` may be missing, since `x, y` may be None",
    ),
    "a reference that does not exist": (
        "teams: HasMany['Team'] = has_many(references='cod')\n    code: Field[str]",
        "`references` of `Owner.teams` names `cod`, which is no column of Owner\n\nhint: did you mean `code`",
    ),
}


@pytest.mark.parametrize(("body", "message"), BROKEN.values(), ids=BROKEN)
def test_a_class_that_means_nothing_is_refused_with_the_line_to_write(body: str, message: str):
    names: dict[str, Any] = {
        known.__name__: known
        for known in (
            BelongsTo, HasOne, HasMany, ManyToMany, Field, Schema, belongs_to, has_one, has_many, many_to_many,
            primary_key,
        )
    }  # fmt: skip
    with pytest.raises(SchemaError) as caught:
        exec(f"class Owner(Schema, table='owners'):\n    id: Field[int] = primary_key()\n    {body}", names)
    assert message in str(caught.value)


def test_on_the_class_every_kind_is_a_path_and_on_an_alias_one_of_its_own():
    other = alias(Person, "other")
    for name in ("card", "groups", "notes"):
        assert isinstance(getattr(Person, name), Rel)
        assert repr(getattr(other, name)) == f"other.{name}"


def test_a_struct_keeps_what_it_was_given():
    person = Person(id=1, name="Ann", card=Card(id=2, person_id=1), groups=[Group(id=3, area="x", code=1)], notes=[])
    for copy in (person, evolve(person, name="Bo"), pickle.loads(pickle.dumps(person))):
        assert copy.card == Card(id=2, person_id=1)
        assert copy.groups == [Group(id=3, area="x", code=1)]
        assert is_loaded(copy, Person.notes)
        assert not is_loaded(copy, Person.friends)
    assert person == Person(id=1, name="Ann")
    assert "card=Card(id=2, person_id=1)" in repr(person)
    assert "friends=<not loaded>" in repr(person)
    with pytest.raises(NotLoadedError) as caught:
        _ = person.friends
    assert "give it to the constructor, `Person(friends=…)`" in str(caught.value)
    loaded = evolve(person, card=None)
    assert loaded.card is None


def test_an_annotation_is_only_that():
    for made in (HasOne, ManyToMany):
        with pytest.raises(SchemaError, match=f"{made.__name__} is an annotation of a schema's member"):
            made().__get__(None, Person)
