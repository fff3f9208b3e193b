"""`build_assoc` and `reset_fields`: structs made from others."""

from typing import Any

import pytest

from ectype import NotLoadedError, SchemaError, build_assoc, evolve, is_loaded, meta, reset_fields
from tests.unit.schema.library import Author, Book, Box, Chapter, Profile, Shelf, Tag, author, book, loaded


def test_a_new_struct_is_tied_to_its_owner_and_has_the_defaults():
    profile = build_assoc(author(), Author.profile)
    assert (profile.bio, profile.author_id, meta(profile).state) == ("none yet", 1, "built")
    assert build_assoc(author(), Author.profile, bio="mine").bio == "mine"
    assert build_assoc(author(), Author.books, title="a", author_id=9).author_id == 1
    box = build_assoc(Shelf(room="A", number=2), Shelf.boxes, letter="x")
    assert (box.__class__, box.room, box.number, box.letter) == (Box, "A", 2, "x")


def test_what_is_tied_otherwise_gets_no_foreign_key():
    made = build_assoc(book(1), Book.author, name="new")
    assert (made.__class__, made.name) == (Author, "new")
    assert build_assoc(book(1), Book.tags, name="t").__class__ is Tag


def test_a_new_struct_stands_where_its_owner_does():
    assert meta(build_assoc(loaded(Author(id=1, name="x"), "tenant"), Author.books, title="a")).prefix == "tenant"
    assert meta(build_assoc(author(), Author.books, title="a")).prefix is None


@pytest.mark.parametrize(
    ("owner", "rel", "values", "message"),
    [
        (author(), Author.readers, {}, r"`build_assoc` cannot change `Author\.readers`, which only follows"),
        (author(), Book.tags, {}, "takes an association of Author"),
        (author(), Author.name, {}, "takes an association of Author"),
        (Author(name="x"), Author.books, {}, r"is tied by `Author\.id`, which this struct does not have"),
        (author(), Author.books, {"titel": "x"}, "Book has no member `titel`"),
        (Author, Author.books, {}, "a struct of a schema was expected"),
    ],
)
def test_what_cannot_be_built_is_refused(owner: Any, rel: Any, values: dict[str, Any], message: str):
    with pytest.raises(SchemaError, match=message):
        build_assoc(owner, rel, **values)


def test_members_are_reset_to_what_a_new_struct_has():
    before = author(books=[book(1)], profile=loaded(Profile(id=1, bio="x")))
    Author.__schema__.slots["_partial"].__set__(before, frozenset({"books", "profile"}))
    reset = reset_fields(before, Author.books, Author.name)
    assert not is_loaded(reset, Author.books)
    with pytest.raises(NotLoadedError):
        _ = reset.books
    assert not hasattr(reset, "name")
    assert (is_loaded(reset, Author.profile), meta(reset).state, before.name) == (True, "loaded", "Ursula")
    assert reset._partial == frozenset({"profile"})  # type: ignore[attr-defined]
    changed = evolve(book(1, pages=7), place=3)
    again = reset_fields(changed, Book.pages, Book.place)
    assert (again.pages, again.place) == (1, None)
    for wrong in (Chapter.heading, Author.books, "title"):
        with pytest.raises(SchemaError):
            reset_fields(changed, wrong)  # type: ignore[arg-type]
