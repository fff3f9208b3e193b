"""Validations of associations, and whether they have changed."""

from typing import Any

import pytest

from ectype import (
    EmbeddedSchema,
    EmbedsMany,
    EmbedsOne,
    Error,
    Field,
    NotLoadedError,
    Registry,
    Schema,
    SchemaError,
    change,
    embeds_many,
    embeds_one,
    primary_key,
)
from tests.unit.schema.library import Author, Book, Profile, author, book, loaded


@pytest.mark.parametrize(
    ("held", "put", "blank"),
    [
        ([], None, True),
        ([1], None, False),
        ([1], [], True),
        ([], [Book(title="a")], False),
        ([1], [change(book(1)).with_action("delete")], True),
        ([1, 2], [book(1)], False),
    ],
)
def test_a_required_association_needs_an_entry_that_will_be_there(held: list[int], put: Any, blank: bool):
    changeset = change(author(books=[book(key) for key in held]))
    if put is not None:
        changeset = changeset.put_assoc(Author.books, put)
    checked = changeset.validate_required(Author.name, Author.books, message="needs a book")
    assert checked.traverse_errors() == ({"books": ["needs a book"]} if blank else {})
    assert checked.required == ("name", "books")
    assert checked.changes == changeset.changes
    assert checked.validate_required(Author.books).errors == checked.errors


def test_a_required_association_that_is_not_loaded_raises_and_a_new_struct_has_none():
    with pytest.raises(NotLoadedError):
        change(author()).validate_required(Author.profile)
    blank = change(Author(name="x")).validate_required(Author.profile)
    assert blank.traverse_errors() == {"profile": ["can't be blank"]}
    there = change(author(profile=loaded(Profile(id=1, bio="x"))))
    assert there.validate_required(Author.profile).valid
    assert there.put_assoc(Author.profile, {"bio": "y"}).validate_required(Author.profile).valid
    assert not there.put_assoc(Author.profile, None).validate_required(Author.profile).valid


@pytest.mark.parametrize(
    ("put", "errors"),
    [
        ([], ["should have at least 1 item(s)"]),
        ([book(1)], []),
        ([book(1), Book(title="a"), Book(title="b")], ["should have at most 2 item(s)"]),
        ([change(book(1)).with_action("delete"), Book(title="a"), Book(title="b")], []),
    ],
)
def test_the_entries_of_an_association_are_counted_less_those_that_go(put: Any, errors: list[str]):
    changeset = change(author(books=[book(1), book(2)])).put_assoc(Author.books, put)
    assert changeset.validate_length(Author.books, min=1, max=2).traverse_errors().get("books", []) == errors
    assert change(author(books=[])).validate_length(Author.books, min=1).valid


def test_an_association_has_changed_when_an_entry_would_be_written():
    begun = change(author(books=[book(1)], profile=loaded(Profile(id=1, bio="x"))))
    assert not begun.changed(Author.books)
    assert not begun.put_assoc(Author.books, [book(1)]).changed(Author.books)
    assert begun.put_assoc(Author.books, []).changed(Author.books)
    # Nobody knows that a new struct has none: the empty list is said, and so it is a change.
    assert change(Author(name="x")).put_assoc(Author.books, []).changed(Author.books)
    assert begun.put_assoc(Author.books, [change(book(1), Book.title.set("x"))]).changed(Author.books)
    assert begun.put_assoc(Author.profile, None).changed(Author.profile)
    moved = change(author(books=[])).put_assoc(Author.books, [book(9)])
    assert not moved.changed(Author.books)
    with pytest.raises(SchemaError, match="`changed` does not compare entries"):
        begun.changed(Author.books, to=[])  # type: ignore[call-overload]


def test_a_function_of_ones_own_sees_the_entries_that_will_be_there():
    seen: list[Any] = []

    def told(entries: Any) -> Any:
        seen.append(entries)
        return [(Author.name, "has too many books"), (Author.books, "are too many"), ("base", "no")]

    begun = change(author(books=[book(1), book(2)], profile=loaded(Profile(id=1, bio="x"))))
    assert begun.validate_change(Author.books, told) is begun
    put = begun.put_assoc(Author.books, [change(book(1)).with_action("delete"), Book(title="new")])
    checked = put.validate_change(Author.books, told, meta="counted")
    assert [child.get_field(Book.title) for child in seen.pop()] == ["new"]
    assert checked.traverse_errors() == {
        "name": ["has too many books"], "books": ["are too many"], "base": ["no"],
    }  # fmt: skip
    assert checked.validations[-1] == ("books", "change", "counted")
    # No entry is a change too, and the only one is itself.
    begun.put_assoc(Author.books, []).validate_change(Author.books, told)
    assert seen.pop() == []
    one = begun.put_assoc(Author.profile, {"bio": "y"})
    assert one.validate_change(Author.profile, lambda child: child.get_change(Profile.bio)).errors[0] == (
        "profile",
        Error("y"),
    )
    assert begun.put_assoc(Author.profile, None).validate_change(Author.profile, told).valid
    assert not seen


def test_an_embed_has_functions_and_errors_of_ones_own_too():
    class Place(EmbeddedSchema, registry=Registry()):
        town: Field[str]

    class Trip(Schema, table="trips", registry=Registry()):
        id: Field[int] = primary_key()
        start: EmbedsOne[Place | None] = embeds_one()
        stops: EmbedsMany[Place] = embeds_many()

    trip = change(Trip).put_embed(Trip.stops, [Place(town="a"), Place(town="b")]).put_embed(Trip.start, {"town": "c"})
    checked = trip.validate_change(Trip.stops, lambda stops: "are too many" if len(stops) > 1 else None)
    checked = checked.validate_change(Trip.start, lambda start: [(Trip.start, start.get_field(Place.town))])
    assert checked.traverse_errors() == {"stops": ["are too many"], "start": ["c"]}
    assert trip.add_error(Trip.stops, "bad").errors == (("stops", Error("bad")),)


@pytest.mark.parametrize(
    ("held", "put", "missing"),
    [([], None, True), ([1], None, False), ([1], [], True), ([], [Book(title="a")], False)],
)
def test_an_association_is_missing_when_required_would_refuse_it(held: list[int], put: Any, missing: bool):
    changeset = change(author(books=[book(key) for key in held]))
    if put is not None:
        changeset = changeset.put_assoc(Author.books, put)
    assert changeset.field_missing(Author.books) is missing
    with pytest.raises(NotLoadedError):
        changeset.field_missing(Author.profile)


def test_an_error_may_be_that_of_an_association():
    assert change(Author(name="x")).add_error(Author.books, "are odd").traverse_errors() == {"books": ["are odd"]}
    with pytest.raises(SchemaError, match="takes an association of Author"):
        change(Author(name="x")).add_error(Book.author, "is odd")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
