"""`cast_assoc`: params become changesets of related structs, compared with those that are there by primary key."""

import pickle
from collections.abc import Mapping
from typing import Any

import pytest

from ectype import CastError, Changeset, Error, InvalidChangesetError, NotLoadedError, SchemaError, change, is_loaded
from ectype.schema.association_relations import AssociationRelation
from ectype.schema.relation_casts import MOST_ENTRIES
from ectype.schema.relation_puts import put_relation
from tests.unit.schema.library import Author, Book, Box, Node, Profile, Shelf, Tag, author, book, loaded, told

MANY = {"validation": "assoc", "type": "array of map"}
ONE = {"validation": "assoc", "type": "map"}


def cast(subject: Any, params: Mapping[str, object] | None, rel: Any, **options: Any) -> Changeset[Any]:
    return change(subject).cast(params).cast_assoc(rel, **options)


# --- many


def test_new_entries_of_a_new_struct_are_inserted():
    changeset = cast(Author(name="Ursula"), {"books": [{"title": "a", "pages": "3"}, {"title": "b"}]}, Author.books)
    assert told(changeset, "books") == [
        ("insert", None, {"title": "a", "pages": 3}),
        ("insert", None, {"title": "b"}),
    ]
    assert changeset.valid
    assert [one.title for one in changeset.apply_changes().books] == ["a", "b"]


def test_the_replaced_come_first_and_the_others_in_the_order_of_the_params():
    before = author(books=[book(1), book(2), book(3)])
    params = {"books": [{"title": "new"}, {"id": "3", "title": "third"}, {"id": 2, "title": ""}]}
    changeset = cast(before, params, Author.books)
    assert told(changeset, "books") == [
        ("replace", 1, {}),
        ("insert", None, {"title": "new"}),
        ("update", 3, {"title": "third"}),
        ("update", 2, {}),
    ]
    assert not changeset.valid
    assert changeset.traverse_errors() == {"books": [{}, {}, {"title": ["can't be blank"]}]}


@pytest.mark.parametrize(
    "params",
    [
        [{"id": 1}, {"id": 2}],
        [{"id": "1", "title": "book 1"}, {"id": "2"}],
        [{"id": 2}, {"id": 1}],
        {"0": {"id": 1}, "1": {"id": 2}},
    ],
)
def test_check_30_entries_that_change_nothing_are_no_change_in_whatever_order(params: Any):
    before = author(books=[book(1), book(2)])
    changeset = cast(before, {"books": params}, Author.books)
    assert (dict(changeset.changes), changeset.valid, changeset.touched) == ({}, True, False)
    assert changeset.apply_changes() is before


class Ordered(AssociationRelation):
    """A relation whose order is a part of its value."""

    ordered = True


@pytest.mark.parametrize(
    ("keys", "changed"),
    [([1, 2, 3], False), ([2, 1, 3], True), ([1, 3], True), ([3, 1, 2], True)],
)
def test_check_30_the_order_of_entries_is_a_change_where_it_is_a_part_of_the_value(keys: list[int], *, changed: bool):
    before = author(books=[book(1), book(2), book(3)])
    relation = Ordered(Author.__schema__.association("books"))
    entries = [book(key) for key in keys]
    made = put_relation(change(before), relation, "put_embed", entries, lambda *_: None)
    assert ("books" in made.changes) is changed
    kept = [one.data.id for one in made.changes.get("books", ()) if one.action == "update"]
    assert kept == (keys if changed else [])


def test_casting_back_to_what_is_stored_takes_the_change_and_its_refusals_back():
    before = author(books=[book(1)])
    wrong = cast(before, {"books": [{"id": 1, "title": ""}]}, Author.books)
    assert not wrong.valid
    right = wrong.cast({"books": [{"id": 1}]}).cast_assoc(Author.books)
    assert (dict(right.changes), right.valid) == ({}, True)


@pytest.mark.parametrize(
    ("params", "held", "changes"),
    [
        ([], [], {}),
        ([], None, {"books": ()}),
        ({}, [], {}),
        ([{"title": "a", "action": "ignore"}], [], {}),
        ([{"id": 1, "action": "ignore"}], [1], {}),
    ],
)
def test_no_entry_is_a_change_only_where_nobody_knows_that_there_is_none(params: Any, held: Any, changes: Any):
    before = Author(name="x") if held is None else author(books=[book(key) for key in held])
    assert dict(cast(before, {"books": params}, Author.books).changes) == changes


def test_ignored_entries_are_left_out():
    params = [{"title": "a"}, {"title": "b", "action": "ignore"}, {"title": "c"}]
    changeset = cast(Author(name="x"), {"books": params}, Author.books)
    assert [changes["title"] for _, _, changes in told(changeset, "books")] == ["a", "c"]


def test_a_function_may_delete_the_entry_that_is_there():
    before = author(books=[book(1), book(2)])
    changeset = cast(before, {"books": [{"id": 1, "action": "delete"}, {"id": 2}]}, Author.books)
    assert [(action, key) for action, key, _ in told(changeset, "books")] == [("delete", 1), ("update", 2)]
    assert [one.id for one in changeset.apply_changes().books] == [2]


@pytest.mark.parametrize("given", ["value", ["value"], [None], None, 3, {"0": "x"}, "", [{}, "x"]])
def test_what_holds_no_entries_is_an_error_of_the_association(given: Any):
    changeset = cast(author(books=[]), {"books": given}, Author.books)
    assert changeset.errors == (("books", Error("is invalid", **MANY)),)
    assert (dict(changeset.changes), changeset.valid) == ({}, False)
    told_otherwise = cast(author(books=[]), {"books": given}, Author.books, invalid_message="is no list")
    assert told_otherwise.traverse_errors() == {"books": ["is no list"]}


def test_an_entry_that_is_named_twice_is_refused_where_keys_are_unique():
    before = author(books=[book(1)])
    changeset = cast(before, {"books": [{"id": 1, "title": "x"}, {"id": "1", "title": "y"}]}, Author.books)
    assert changeset.traverse_errors() == {"books": [{}, {"id": ["has already been taken"]}]}
    before = loaded(Book(id=1, title="x", tags=[], labels=[]))
    params = {"tags": [{"id": 3}, {"id": 3}], "labels": [{"id": 3}, {"id": 3}]}
    assert cast(before, params, Book.tags, with_=tagged).valid
    assert cast(before, params, Book.labels, with_=tagged).traverse_errors() == {
        "labels": [{}, {"id": ["has already been taken"]}]
    }


def tagged(tag: Tag, params: Mapping[str, object]) -> Changeset[Tag]:
    return change(tag).cast(params, Tag.name)


def test_a_row_that_was_loaded_twice_is_one_entry():
    before = author(books=[book(1), book(1)])
    assert told(cast(before, {"books": []}, Author.books), "books") == [("replace", 1, {})]
    assert dict(cast(before, {"books": [{"id": 1}]}, Author.books).changes) == {}


# --- what is replaced


def test_check_24_replacing_raises_or_is_an_error_as_the_association_says():
    one = [book(1), book(2)]
    params: Any = [{"id": 1}]
    with pytest.raises(CastError, match=r"`Author\.raising` would leave out an entry") as raised:
        cast(author(raising=one), {"raising": params}, Author.raising)
    assert 'on_replace="delete"' in str(raised.value)
    marked = cast(author(invalid=one), {"invalid": params}, Author.invalid)
    assert marked.errors == (("invalid", Error("is invalid", **MANY)),)
    assert dict(marked.changes) == {}
    for name, rel in (("books", Author.books), ("nilified", Author.nilified)):
        changeset = cast(author(**{name: one}), {name: params}, rel)
        assert told(changeset, name) == [("replace", 2, {}), ("update", 1, {})]
    whole = cast(author(raising=one), {"raising": [{"id": 1, "title": "x"}, {"id": 2}]}, Author.raising)
    assert told(whole, "raising") == [("update", 1, {"title": "x"}), ("update", 2, {})]


def test_what_was_never_stored_is_replaced_by_whoever_likes():
    before = Author(name="x", raising=[Book(title="draft")])
    changeset = cast(before, {"raising": [{"title": "new"}]}, Author.raising)
    assert told(changeset, "raising") == [("insert", None, {"title": "new"})]


def test_a_new_entry_with_a_key_of_its_own_is_found_again():
    before = Author(name="x", books=[Book(id=7, title="draft")])
    changeset = cast(before, {"books": [{"id": 7, "pages": 3}]}, Author.books)
    assert told(changeset, "books") == [("insert", 7, {"pages": 3})]
    assert [(one.title, one.pages) for one in changeset.apply_changes().books] == [("draft", 3)]


def test_check_25_what_is_not_loaded_raises_and_a_new_struct_has_nothing():
    for params in ({"books": []}, {"books": [{"title": "a"}]}):
        with pytest.raises(NotLoadedError, match=r"`Author\.books` is not loaded") as raised:
            cast(author(), params, Author.books)
        assert "repo.preload(struct, Author.books)" in str(raised.value)
    assert dict(cast(author(), {}, Author.books).changes) == {}
    assert told(cast(Author, {"books": [{"title": "a"}]}, Author.books), "books") == [("insert", None, {"title": "a"})]
    with pytest.raises(NotLoadedError):
        cast(author(), {}, Author.books, required=True)


def test_a_list_that_was_loaded_in_part_is_refused():
    before = author(books=[book(1)])
    Author.__schema__.slots["_partial"].__set__(before, frozenset({"books"}))
    with pytest.raises(NotLoadedError, match="only some of its rows") as raised:
        cast(before, {"books": []}, Author.books)
    assert "force=True" in str(raised.value)
    with pytest.raises(NotLoadedError, match="only some of its rows"):
        change(before).put_assoc(Author.books, [])


def test_a_foreign_key_that_is_none_says_that_there_is_nothing_to_load():
    orphan = loaded(Book(id=1, title="x", author_id=None))
    changeset = cast(orphan, {"author": {"name": "New"}}, Book.author, with_=named)
    assert told(changeset, "author") == [("insert", None, {"name": "New"})]
    with pytest.raises(NotLoadedError):
        cast(book(1), {"author": {"name": "New"}}, Book.author, with_=named)


def named(one: Author, params: Mapping[str, object]) -> Changeset[Author]:
    return change(one).cast(params, Author.name)


# --- one


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"id": 1, "bio": "new"}, [("update", 1, {"bio": "new"})]),
        ({"id": "1", "bio": "new"}, [("update", 1, {"bio": "new"})]),
        ({"bio": "new"}, [("insert", None, {"bio": "new"})]),
        ({"id": 5, "bio": "new"}, [("insert", None, {"bio": "new"})]),
        ({"id": "x", "bio": "new"}, [("insert", None, {"bio": "new"})]),
        (None, []),
    ],
)
def test_the_only_entry_is_updated_by_its_key_and_replaced_by_another(params: Any, expected: Any):
    before = author(profile=loaded(Profile(id=1, bio="old", author_id=1)))
    changeset = cast(before, {"profile": params}, Author.profile)
    assert told(changeset, "profile") == expected
    assert changeset.valid


@pytest.mark.parametrize(
    ("held", "params", "changes"),
    [
        ("unset", {}, {}),
        ("unset", {"profile": None}, {"profile": None}),
        ("none", {"profile": None}, {}),
        ("none", {}, {}),
        ("one", {"profile": {"id": 1}}, {}),
        ("one", {"profile": {"id": 1, "bio": "old"}}, {}),
        ("one", {"profile": None}, {"profile": None}),
    ],
)
def test_none_is_a_change_only_where_there_is_another(held: str, params: Any, changes: Any):
    one = loaded(Profile(id=1, bio="old"))
    before = {"unset": Author(name="x"), "none": author(profile=None), "one": author(profile=one)}[held]
    assert dict(cast(before, params, Author.profile).changes) == changes


@pytest.mark.parametrize("given", ["value", [], ["x"], 3, ""])
def test_what_is_no_entry_is_an_error_of_the_association(given: Any):
    changeset = cast(author(profile=None), {"profile": given}, Author.profile)
    assert changeset.errors == (("profile", Error("is invalid", **ONE)),)


def test_the_only_entry_is_replaced_as_the_association_says():
    one = loaded(Profile(id=1, bio="old"))
    for params in (None, {"id": 2, "bio": "x"}, {"bio": "x"}):
        with pytest.raises(CastError, match=r"`Author\.raising_profile` would replace its entry"):
            cast(author(raising_profile=one), {"raising_profile": params}, Author.raising_profile)
        marked = cast(author(invalid_profile=one), {"invalid_profile": params}, Author.invalid_profile)
        assert marked.errors == (("invalid_profile", Error("is invalid", **ONE)),)
    for params in ({"id": 2, "bio": "x"}, {"bio": "x"}):
        updated = cast(author(updated_profile=one), {"updated_profile": params}, Author.updated_profile)
        assert told(updated, "updated_profile") == [("update", 1, {"bio": "x"})]
    same = cast(author(raising_profile=one), {"raising_profile": {"id": "1", "bio": "x"}}, Author.raising_profile)
    assert told(same, "raising_profile") == [("update", 1, {"bio": "x"})]


def test_a_new_entry_begins_with_the_defaults_of_the_association():
    changeset = cast(Author, {"profile": {}}, Author.profile)
    assert changeset.valid
    assert changeset.apply_changes().profile.bio == "none yet"


def test_a_belongs_to_takes_the_foreign_key_along():
    before = book(1, author=author())
    updated = cast(before, {"author": {"id": 1, "name": "Le Guin"}}, Book.author, with_=named)
    assert told(updated, "author") == [("update", 1, {"name": "Le Guin"})]
    assert (updated.apply_changes().author_id, updated.apply_changes().author.name) == (1, "Le Guin")
    gone = cast(before, {"author": None}, Book.author, with_=named).apply_changes()
    assert (gone.author, gone.author_id) == (None, None)
    other = change(before).put_change(Book.author_id, 9).apply_changes()
    assert not is_loaded(other, Book.author)
    assert is_loaded(change(before).put_change(Book.title, "x").apply_changes(), Book.author)
    orphan = loaded(Book(id=1, title="x", author_id=None, author=None))
    assert not is_loaded(change(orphan).put_change(Book.author_id, 9).apply_changes(), Book.author)


# --- required, messages, the order of params


@pytest.mark.parametrize(
    ("held", "params", "errors"),
    [
        (None, {}, ["can't be blank"]),
        ([], {}, ["can't be blank"]),
        ([], {"books": []}, ["can't be blank"]),
        ([1], {}, []),
        ([1], {"books": []}, ["can't be blank"]),
        ([1], {"books": [{"id": 1, "action": "delete"}]}, ["can't be blank"]),
        ([], {"books": "x"}, ["is invalid"]),
        ([], {"books": [{"title": "x"}]}, []),
        ([1], {"books": [{"id": 1}]}, []),
    ],
)
def test_required_refuses_no_entry_at_the_end(held: Any, params: Any, errors: list[str]):
    before = Author(name="x") if held is None else author(books=[book(key) for key in held])
    changeset = cast(before, params, Author.books, required=True)
    assert changeset.traverse_errors().get("books", []) == errors
    assert changeset.required == ("books",)
    custom = cast(before, params, Author.books, required=True, required_message="needs a book")
    assert custom.traverse_errors().get("books", []) == ["needs a book" if one[0] == "c" else one for one in errors]


def placed(one: Book, params: Mapping[str, object], position: int) -> Changeset[Book]:
    return Book.changeset(one, params).put_change(Book.place, position)


@pytest.mark.parametrize(
    ("params", "titles"),
    [
        ({"books": {"10": 10, "2": 2, "0": 0, "1": 1}}, [0, 1, 2, 10]),
        ({"books": {"new": "n", "-1": -1, "0": 0, "a": "a"}}, [-1, 0, "a", "n"]),
        ({"books": {"0": 0, "1": 1, "2": 2, "10": 10}, "sort": ["1", "0"], "drop": ["2"]}, [1, 0, 10]),
        ({"books": {"0": 0, "1": 1}, "sort": [1, 0]}, [1, 0]),
        ({"books": {"0": 0, "1": 1}, "sort": ["1", "7"]}, [1, None, 0]),
        ({"books": {"0": 0, "1": 1}, "sort": ["0", "1"], "drop": ["0"]}, [1]),
        ({"books": {"0": 0}, "drop": [""]}, [0]),
        ({"books": [0, 1], "sort": ["1", "0"]}, [0, 1]),
        ({"sort": ["7"]}, [None]),
        ({"books": "", "sort": ["7"]}, [None]),
        ({"books": "", "drop": []}, []),
        ({"books": {"0": 0}, "sort": "x", "drop": {"a": 1}}, [0]),
        ({"books": {"0": 0}, "sort": [["x"], {}]}, [0]),
        ({"books": {"9" * 5000: "long", "1": 1}}, [1, "long"]),
    ],
)
def test_check_26_params_by_index_are_sorted_and_dropped(params: Any, titles: list[Any]):
    books = params.get("books")
    if isinstance(books, dict):
        params = {**params, "books": {key: {"title": str(title)} for key, title in books.items()}}
    elif isinstance(books, list):
        params = {**params, "books": [{"title": str(title)} for title in books]}
    changeset = cast(Author, params, Author.books, with_=placed, sort_param="sort", drop_param="drop")
    found = [changes.get("title") for _, _, changes in told(changeset, "books")]
    assert found == [None if title is None else str(title) for title in titles]
    assert [changes["place"] for _, _, changes in told(changeset, "books")] == list(range(len(titles)))


def test_a_cast_that_had_no_params_casts_no_association():
    changeset = cast(author(books=[book(1)]), None, Author.books, required=True)
    assert (changeset.valid, dict(changeset.changes), changeset.errors) == (False, {}, ())


def test_only_an_entry_that_changes_touches_the_owner():
    before = author(books=[book(1)])
    params = {"books": [{"id": 1, "title": "x"}]}
    assert cast(before, params, Author.books).touched
    assert not cast(before, params, Author.books, force_update_on_change=False).touched
    assert not cast(before, {"books": [{"id": 1}]}, Author.books).touched
    assert not change(before).put_assoc(Author.books, []).touched
    alone = author(profile=loaded(Profile(id=1, bio="old")))
    ignored = cast(
        alone, {"profile": {"id": 1}}, Author.profile, with_=lambda one, _: change(one).with_action("ignore")
    )
    assert (dict(ignored.changes), ignored.touched) == ({}, False)


# --- what is refused


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cast(author(), {}, Author.readers), r"which only follows Author\.books / Book\.tags"),
        (lambda: cast(author(), {}, Book.tags), "takes an association of Author, got Book.tags"),
        (lambda: cast(author(), {}, Author.name), "takes an association of Author, got Author.name"),
        (lambda: cast(author(), {}, Author.books.limit(1)), "takes an association of Author"),
        (lambda: cast(author(), {}, Author.books / Book.tags), "takes an association of Author"),
        (lambda: change(author()).cast_assoc(Author.books), "which was not called before it"),
        (lambda: cast(book(1), {}, Book.tags), "Tag has no `changeset`"),
        (lambda: cast(author(), {}, Author.books, with_="x"), "is a function of a struct and its params"),
        (lambda: cast(author(), {}, Author.profile, with_=placed), "takes a position, and it holds one entry"),
        (lambda: cast(author(), {}, Author.profile, sort_param="x"), "`sort_param` is for many entries"),
        (
            lambda: cast(author(books=[]), {"books": [{}]}, Author.books, with_=lambda one, _: one),
            "a changeset of Book",
        ),
        (
            lambda: cast(author(books=[]), {"books": [{}]}, Author.books, with_=lambda _one, _: change(Tag)),
            "a changeset of Book, got one of Tag",
        ),
    ],
)
def test_a_wrong_call_is_refused_with_the_fix(call: Any, message: str):
    with pytest.raises(SchemaError, match=message) as refused:
        call()
    assert refused.value.hint


@pytest.mark.parametrize(
    ("held", "params", "message"),
    [
        ([], {"id": 1, "action": "update"}, "must not reach rows that are not its own"),
        ([], {"id": 1, "action": "delete"}, "must not reach rows that are not its own"),
        ([1], {"id": 1, "action": "insert"}, "cannot be inserted, since it is there already"),
        ([1], {"id": 1, "action": "replace"}, "none that can be written"),
        ([], {"action": "validate"}, "none that can be written"),
    ],
)
def test_an_action_that_an_entry_may_not_have_raises(held: list[int], params: Any, message: str):
    with pytest.raises(SchemaError, match=message):
        cast(author(books=[book(key) for key in held]), {"books": [params]}, Author.books)


def test_params_reach_nothing_but_the_permitted_fields_of_the_owners_own_entries():
    before = author(books=[book(1)])
    hostile = {
        "id": 999,
        "name": "mine",
        "books": [
            {"id": 1, "title": "x", "author_id": 666, "place": 5, "author": {"id": 1, "name": "mine"}},
            {"id": 2, "title": "not mine", "author_id": 666, "__meta__": {"state": "loaded"}},
            {"id": {"$gt": 0}, "title": "y"},
            {"id": [1], "title": "z", "action": None},
        ],
    }
    changeset = cast(before, hostile, Author.books)
    assert told(changeset, "books") == [
        ("update", 1, {"title": "x"}),
        ("insert", None, {"title": "not mine"}),
        ("insert", None, {"title": "y"}),
        ("insert", None, {"title": "z"}),
    ]
    assert dict(changeset.changes).keys() == {"books"}
    assert [getattr(one, "author_id", None) for one in changeset.apply_changes().books] == [1, None, None, None]


def test_a_key_of_several_columns_must_be_named_whole():
    shelf = loaded(Shelf(room="A", number=1, boxes=[loaded(Box(room="A", number=1, letter="x"))]))

    def labelled(box: Box, params: Mapping[str, object]) -> Changeset[Box]:
        return change(box).cast(params, Box.label, Box.letter)

    whole = cast(
        shelf, {"boxes": [{"room": "A", "number": "1", "letter": "x", "label": "l"}]}, Shelf.boxes, with_=labelled
    )
    assert [(one.action, dict(one.changes)) for one in whole.changes["boxes"]] == [("update", {"label": "l"})]
    part = cast(shelf, {"boxes": [{"letter": "x", "label": "l"}]}, Shelf.boxes, with_=labelled)
    assert [one.action for one in part.changes["boxes"]] == ["replace", "insert"]


@pytest.mark.parametrize(
    "params",
    [
        {"books": [{}] * (MOST_ENTRIES + 1)},
        {"books": {str(index): {} for index in range(MOST_ENTRIES + 1)}},
        {"books": {"0": {}}, "sort": ["x"] * MOST_ENTRIES},
        {"drop": ["x"] * (MOST_ENTRIES + 1)},
    ],
)
def test_more_entries_than_a_form_has_are_refused_before_any_is_cast(params: Any):
    changeset = cast(Author, params, Author.books, sort_param="sort", drop_param="drop")
    assert changeset.traverse_errors() == {"books": [f"should have at most {MOST_ENTRIES} item(s)"]}
    assert dict(changeset.changes) == {}


def test_params_that_go_ever_deeper_are_refused():
    deep: dict[str, Any] = {}
    for _ in range(5000):
        deep = {"only": deep}
    changeset = Node.changeset(Node(), deep)
    assert changeset.traverse_errors() == {"only": ["is invalid"]}
    nested: dict[str, Any] = {}
    for _ in range(60):
        nested = {"only": nested}
    assert Node.changeset(Node(), nested).valid


# --- errors


def test_errors_keep_their_path():
    before = author(books=[book(1), book(2)], profile=None)
    params = {
        "books": [{"id": 2}, {"title": "ok"}, {"id": 9, "title": "", "pages": "0"}],
        "profile": {"bio": "", "secret": "hunter2"},
    }
    changeset = change(before).cast(params).cast_assoc(Author.books).cast_assoc(Author.profile)
    assert changeset.traverse_errors() == {
        "books": [{}, {}, {"title": ["can't be blank"], "pages": ["must be greater than 0"]}],
        "profile": {"bio": ["can't be blank"]},
    }
    assert [(path, str(error)) for path, error in changeset.located_errors()] == [
        (("books", 2, "title"), "can't be blank"),
        (("books", 2, "pages"), "must be greater than 0"),
        (("profile", "bio"), "can't be blank"),
    ]
    assert [one["pointer"] for one in changeset.problem()["errors"]] == [
        "#/books/2/title",
        "#/books/2/pages",
        "#/profile/bio",
    ]
    whole = changeset.traverse_errors(lambda one, key, error: f"{one.info.name}.{key}: {error.code}")
    assert whole["profile"] == {"bio": ["Profile.bio: required"]}
    with pytest.raises(InvalidChangesetError) as raised:
        changeset.apply_action("update")
    assert "books[2].title: can't be blank" in str(raised.value)
    assert "hunter2" not in str(raised.value) + repr(changeset)


def test_check_16_clean_entries_are_empty_maps_and_clean_associations_absent():
    changeset = cast(Author, {"books": [{"title": "a"}, {}, {"title": "b"}]}, Author.books)
    assert changeset.traverse_errors() == {"books": [{}, {"title": ["can't be blank"]}, {}]}
    assert cast(Author, {"books": [{"title": "a"}]}, Author.books).traverse_errors() == {}


def test_an_error_of_the_association_itself_stands_behind_those_of_its_entries():
    changeset = cast(Author, {"books": [{}], "profile": {"bio": ""}}, Author.books).cast_assoc(Author.profile)
    told = changeset.add_error("books", "are too few").add_error("profile", "is odd").traverse_errors()
    assert told == {
        "books": [{"title": ["can't be blank"]}, "are too few"],
        "profile": [{"bio": ["can't be blank"]}, "is odd"],
    }


def test_validations_of_entries_are_told_too():
    changeset = cast(Author, {"books": [{"title": "a"}]}, Author.books)
    assert changeset.traverse_validations() == {"books": [{"pages": [("number", (("greater_than", 0),))]}]}


def test_a_changeset_of_changesets_travels():
    changeset = cast(author(books=[book(1)]), {"books": [{"id": 1, "title": ""}, {"title": "b"}]}, Author.books)
    again = pickle.loads(pickle.dumps(changeset))
    assert told(again, "books") == told(changeset, "books")
    assert again.traverse_errors() == changeset.traverse_errors()
