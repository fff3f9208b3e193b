"""`put_assoc`: structs, changesets and values become the entries of an association; and how entries are read."""

from typing import Any

import pytest

from ectype import Error, Field, HasMany, SchemaError, change, field, has_many, is_loaded, primary_key
from tests.unit.schema.library import Author, Book, Chapter, Library, Profile, Tag, author, book, loaded, told

MANY = {"validation": "assoc", "type": "array of map"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Book(title="a"), ("insert", None, {})),
        (book(3, "a"), ("update", 3, {})),
        ({"title": "a"}, ("insert", None, {"title": "a"})),
        (change(Book, Book.title.set("a")), ("insert", None, {"title": "a"})),
        (change(book(3), Book.title.set("a")), ("update", 3, {"title": "a"})),
        (change(book(3)).with_action("delete"), ("delete", 3, {})),
        ({"id": 3, "title": "a"}, ("insert", None, {"id": 3, "title": "a"})),
    ],
)
def test_what_is_not_there_is_done_as_its_state_says(value: Any, expected: Any):
    for before in (Author(name="x"), author(books=[])):
        changeset = change(before).put_assoc(Author.books, [value])
        assert told(changeset, "books") == [expected]
        assert changeset.valid


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (book(1), None),
        (Book(id=1, title="other"), None),
        ({"id": 1}, None),
        ({"id": 1, "title": "book 1"}, None),
        ({"id": 1, "title": "a"}, ("update", 1, {"title": "a"})),
        (change(book(1), Book.title.set("a")), ("update", 1, {"title": "a"})),
        (change(book(1)), None),
        (change(book(1)).with_action("delete"), ("delete", 1, {})),
        (change(book(1)).with_action("ignore"), None),
    ],
)
def test_what_is_there_is_updated_with_the_changes_it_brings(value: Any, expected: Any):
    changeset = change(author(books=[book(1)])).put_assoc(Author.books, [value])
    assert (told(changeset, "books") if "books" in changeset.changes else []) == ([expected] if expected else [])


def test_all_entries_are_given_and_the_others_replaced():
    before = author(books=[book(1), book(2), book(3)])
    changeset = change(before).put_assoc(Author.books, [*before.books[1:2], Book(title="new")])
    assert told(changeset, "books") == [
        ("replace", 1, {}),
        ("replace", 3, {}),
        ("update", 2, {}),
        ("insert", None, {}),
    ]
    assert [one.title for one in changeset.apply_changes().books] == ["book 2", "new"]
    assert dict(change(before).put_assoc(Author.books, [book(3), book(1), book(2)]).changes) == {}


def test_replacing_goes_as_the_association_says():
    one = [book(1)]
    with pytest.raises(SchemaError, match=r"`Author\.raising` would leave out an entry"):
        change(author(raising=one)).put_assoc(Author.raising, [])
    marked = change(author(invalid=one)).put_assoc(Author.invalid, [])
    assert marked.errors == (("invalid", Error("is invalid", **MANY)),)
    assert told(change(author(nilified=one)).put_assoc(Author.nilified, []), "nilified") == [("replace", 1, {})]
    with pytest.raises(SchemaError, match="would replace its entry"):
        change(author(raising_profile=loaded(Profile(id=1, bio="x")))).put_assoc(Author.raising_profile, None)


def test_an_entry_that_is_updated_in_place_takes_values_only():
    one = loaded(Profile(id=1, bio="x"))
    begun = change(author(updated_profile=one))
    updated = begun.put_assoc(Author.updated_profile, {"id": 5, "bio": "y"})
    assert told(updated, "updated_profile") == [("update", 1, {"id": 5, "bio": "y"})]
    assert dict(begun.put_assoc(Author.updated_profile, None).changes) == {"updated_profile": None}
    for value in (Profile(bio="y"), change(one), loaded(Profile(id=1, bio="y"))):
        with pytest.raises(SchemaError, match="so its entry stays and takes new values"):
            begun.put_assoc(Author.updated_profile, value)


def test_values_may_hold_further_associations():
    values = {"title": "a", "chapters": [{"heading": "one"}, Chapter(heading="two")], "tags": [Tag(name="t")]}
    changeset = change(Author, Author.name.set("x")).put_assoc(Author.books, [values])
    made = changeset.apply_changes()
    assert [one.heading for one in made.books[0].chapters] == ["one", "two"]
    assert [one.name for one in made.books[0].tags] == ["t"]


def test_a_changeset_is_valid_only_if_its_entries_are():
    wrong = Book.changeset(Book(), {"title": ""})
    changeset = change(author(books=[])).put_assoc(Author.books, [wrong, Book(title="ok")])
    assert not changeset.valid
    assert changeset.traverse_errors() == {"books": [{"title": ["can't be blank"]}, {}]}
    assert changeset.put_assoc(Author.books, []).valid
    assert changeset.delete_change(Author.books).valid
    assert not changeset.add_error("base", "no").delete_change(Author.books).valid
    assert not change(author(books=[])).cast(None).put_assoc(Author.books, [Book(title="a")]).valid


def test_an_entry_that_was_never_stored_stays_an_insert():
    before = Author(name="x", books=[Book(id=7, title="draft")])
    changeset = change(before).put_assoc(Author.books, [{"id": 7, "title": "x"}])
    assert told(changeset, "books") == [("insert", 7, {"title": "x"})]
    assert [one.title for one in changeset.apply_changes().books] == ["x"]


def test_a_key_that_cannot_be_one_names_nothing():
    changeset = change(author(books=[book(1)])).put_assoc(Author.books, [{"id": [1], "title": "x"}])
    assert [action for action, _, _ in told(changeset, "books")] == ["replace", "insert"]


def test_merging_takes_the_entries_of_the_second():
    before = author(books=[], profile=None)
    wrong = change(before).put_assoc(Author.books, [Book.changeset(Book(), {})])
    right = change(before).put_assoc(Author.books, [Book(title="a")])
    profile = change(before).put_assoc(Author.profile, {"bio": "x"})
    assert wrong.merge(right).valid
    assert not right.merge(wrong).valid
    assert not wrong.merge(profile).valid
    assert dict(right.merge(profile).changes).keys() == {"books", "profile"}
    touched = change(before).cast({"profile": {}}).cast_assoc(Author.profile)
    assert right.merge(touched).touched


def test_entries_are_read_as_they_will_be():
    before = author(books=[book(1), book(2)], profile=None)
    changeset = change(before).put_assoc(Author.books, [change(book(2), Book.title.set("two")), {"title": "new"}])
    assert [one.action for one in changeset.get_assoc(Author.books)] == ["update", "insert"]
    assert [one.title for one in changeset.get_assoc(Author.books, as_="struct")] == ["two", "new"]
    assert [one.data.id for one in change(before).get_assoc(Author.books)] == [1, 2]
    assert change(before).get_assoc(Author.books, as_="struct") == before.books
    assert change(before).get_assoc(Author.profile) is None
    assert change(Author).get_assoc(Author.books) == []
    with_profile = change(before).put_assoc(Author.profile, {"bio": "x"})
    entry = with_profile.get_assoc(Author.profile)
    assert entry is not None
    assert entry.changes == {"bio": "x"}
    again = changeset.put_assoc(Author.books, [*changeset.get_assoc(Author.books), Book(title="more")])
    assert [one.title for one in again.apply_changes().books] == ["two", "new", "more"]
    with pytest.raises(SchemaError, match="is no form of an entry"):
        change(before).get_assoc(Author.books, as_="row")  # type: ignore[call-overload]


def test_what_was_put_cannot_be_put_again_with_what_it_replaces():
    changeset = change(author(books=[book(1)])).put_assoc(Author.books, [])
    with pytest.raises(SchemaError, match="none that can be written"):
        changeset.put_assoc(Author.books, list(changeset.changes["books"]))


def test_a_belongs_to_is_put_with_its_foreign_key():
    ursula = author()
    changeset = change(Book(title="a")).put_assoc(Book.author, ursula)
    made = changeset.apply_changes()
    assert (made.author, made.author_id) == (ursula, 1)
    new = change(Book(title="a", author_id=None)).put_assoc(Book.author, Author(name="new")).apply_changes()
    assert (new.author_id, new.author is not None) == (None, True)
    assert is_loaded(new, Book.author)


@pytest.mark.parametrize(
    ("rel", "value", "message"),
    [
        (Author.books, Book(title="a"), r"`Author\.books` is a list"),
        (Author.books, None, r"`Author\.books` is a list"),
        (Author.books, "x", r"`Author\.books` is a list"),
        (Author.books, [1], "is a struct, a changeset, or values by member"),
        (Author.books, [None], "is a struct, a changeset, or values by member"),
        (Author.books, [Tag(name="x")], "is a Book, and `put_assoc` got"),
        (Author.books, [change(Tag)], "a changeset of Book, got one of Tag"),
        (Author.books, [{"titel": "x"}], "Book has no member 'titel'"),
        (Author.books, [{3: "x"}], "Book has no member 3"),
        (Author.books, [{"tags": Tag(name="x")}], r"`Book\.tags` is a list"),
        (Author.books, [change(Book).with_action("validate")], "none that can be written"),
        (Author.profile, [Profile(bio="x")], r"`Author\.profile` is one struct"),
        (Author.profile, 3, "is a struct, a changeset, or values by member"),
        (Author.readers, [], "only follows"),
        (Book.tags, [], "takes an association of Author"),
    ],
)
def test_what_is_no_entry_is_refused(rel: Any, value: Any, message: str):
    with pytest.raises(SchemaError, match=message):
        change(Author).put_assoc(rel, value)


def test_defaults_may_be_made_from_the_owner_and_are_shared_by_nobody():
    class Shop(Library, table="shops"):
        id: Field[int] = primary_key()
        locale: Field[str]
        offers: "HasMany[Offer]" = has_many(defaults=lambda shop: {"locale": shop.locale, "tags": TAGS})
        wrong: "HasMany[Offer]" = has_many(foreign_key="shop_id", defaults={"local": "x"})
        odd: "HasMany[Offer]" = has_many(foreign_key="shop_id", defaults=lambda shop: shop)

    class Offer(Library, table="offers"):
        id: Field[int] = primary_key()
        locale: Field[str]
        tags: Field[list[str]] = field(default_factory=list)
        shop_id: Field[int]

    TAGS = ["new"]
    made = change(Shop(locale="de")).put_assoc(Shop.offers, [{}, {}]).apply_changes().offers
    assert [(one.locale, one.tags) for one in made] == [("de", ["new"])] * 2
    assert made[0].tags is not made[1].tags
    with pytest.raises(SchemaError, match="name `local`, which is no field of Offer"):
        change(Shop(locale="de")).put_assoc(Shop.wrong, [{}])
    with pytest.raises(SchemaError, match="give values by member, got Shop"):
        change(Shop(locale="de")).put_assoc(Shop.odd, [{}])


@pytest.mark.parametrize(
    ("annotation", "make", "message"),
    [
        ("HasMany[Book]", "has_many(on_replace='update')", "`on_replace` of `Wrong.rel` cannot be 'update'"),
        ("HasMany[Book]", "has_many(on_replace='delete_if_exists')", "gone already is no error"),
        ("HasMany[Book]", "has_many(on_delete='cascade')", "`on_delete` of `Wrong.rel` cannot be 'cascade'"),
        ("HasMany[Book]", "has_many(defaults=3)", "`defaults` of `Wrong.rel` gives values"),
        ("HasMany[Book]", "has_many(through=lambda: 1, on_replace='delete')", "has no meaning for it"),
        ("HasMany[Book]", "has_many(unique=True)", "does not know the option `unique`"),
        ("ManyToMany[Tag]", "many_to_many(through='x', on_replace='nilify')", "cannot be 'nilify'"),
        ("ManyToMany[Tag]", "many_to_many(through='x', on_delete='nilify_all')", "cannot be 'nilify_all'"),
        ("ManyToMany[Tag]", "many_to_many(through='x', join_defaults={'a': 1})", "which is no schema"),
        ("ManyToMany[Tag]", "many_to_many(through='x', unique=1)", "`unique` of `Wrong.rel` is True or False"),
        ("ManyToMany[Tag]", "many_to_many(through='x', on_join_through_conflict='skip')", "cannot be 'skip'"),
        ("BelongsTo[Author]", "belongs_to(on_delete='delete_all')", "does not know the option `on_delete`"),
    ],
)
def test_what_an_association_cannot_do_is_refused_where_it_is_declared(annotation: str, make: str, message: str):
    code = (
        "from ectype import *\n"
        "from tests.unit.schema.library import *\n"
        "class Wrong(Library, table='wrongs'):\n"
        "    id: Field[int] = primary_key()\n"
        "    rel_id: Field[int]\n"
        f"    rel: {annotation} = {make}\n"
    )
    with pytest.raises(SchemaError, match=message):
        exec(code, {"__name__": __name__})
