"""Validations of associations, and whether they have changed."""

from typing import Any

import pytest

from ectype import NotLoadedError, SchemaError, change
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
    assert begun.put_assoc(Author.books, [change(book(1), Book.title.set("x"))]).changed(Author.books)
    assert begun.put_assoc(Author.profile, None).changed(Author.profile)
    moved = change(author(books=[])).put_assoc(Author.books, [book(9)])
    assert not moved.changed(Author.books)
    with pytest.raises(SchemaError, match="`changed` does not compare entries"):
        begun.changed(Author.books, to=[])  # type: ignore[call-overload]
