"""Changesets as values: begun, edited, read, applied, printed; and never changed."""

import copy
import pickle
from decimal import Decimal
from enum import StrEnum
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ectype import BelongsTo, HasMany, belongs_to, has_many
from ectype.errors import FrozenError, SchemaError
from ectype.schema.aliases import alias
from ectype.schema.changeset import Changeset, change
from ectype.schema.errors import Invalid, InvalidChangesetError
from ectype.schema.field_error import Error
from ectype.schema.fields import Field, field, primary_key
from ectype.schema.meta import meta
from ectype.schema.schema import Schema
from ectype.schema.structs import placed


class Role(StrEnum):
    MEMBER = "member"
    ADMIN = "admin"


class Author(Schema, table="authors"):
    id: Field[int] = primary_key()
    name: Field[str]
    books: "HasMany[Book]" = has_many()


class Book(Schema, table="books"):
    id: Field[int] = primary_key()
    title: Field[str]
    price: Field[Decimal]
    pages: Field[int | None] = field(default=None)
    role: Field[Role] = field(default=Role.MEMBER)
    tags: Field[list[str]] = field(default_factory=list)
    notes: Field[dict[str, Any]] = field(default_factory=dict)
    secret: Field[str | None] = field(virtual=True, redact=True, default=None)
    author_id: Field[int | None] = field(default=None)
    author: BelongsTo[Author | None] = belongs_to()


class Line(Schema):
    text: Field[str]


def stored(**values: Any) -> Book:
    return Book(**{"id": 1, "title": "Old", "price": Decimal(1), **values})


# --- change


def test_change_of_a_schema_begins_with_a_new_struct_and_its_defaults():
    changeset = change(Book)
    assert changeset.data.role is Role.MEMBER
    assert not hasattr(changeset.data, "title")
    assert (changeset.changes, changeset.errors, changeset.valid, changeset.params, changeset.action) == (
        {},
        (),
        True,
        None,
        None,
    )


def test_change_of_a_struct_keeps_the_struct_itself():
    book = stored()
    assert change(book).data is book


def test_change_takes_assignments_and_drops_those_that_change_nothing():
    changeset = change(stored(), Book.title.set("Old"), Book.pages.set(3), Book.price.set(Decimal("1.00")))
    assert changeset.changes == {"pages": 3}


def test_change_goes_on_with_a_changeset():
    begun = change(stored(), Book.title.set("New"))
    assert change(begun) is begun
    assert change(begun, Book.pages.set(3)).changes == {"title": "New", "pages": 3}


def test_an_assignment_of_none_is_a_change_to_none():
    assert change(stored(pages=3), Book.pages.set(None)).changes == {"pages": None}


def test_an_assignment_of_an_expression_is_refused_with_the_query_that_computes_it():
    with pytest.raises(SchemaError, match=r"`Book\.pages` was given an expression") as refused:
        change(stored(), cast("Any", Book.pages.inc(1)))
    assert refused.value.hint is not None
    assert "repo.update_all(from_(Book)" in refused.value.hint
    with pytest.raises(SchemaError, match="was given an expression"):
        change(stored(), Book.pages.set(Book.pages + 1))


def test_an_assignment_of_another_schema_is_refused():
    with pytest.raises(SchemaError, match=r"`Author\.name` is no column of Book"):
        change(stored(), cast("Any", Author.name.set("x")))


def test_what_is_no_assignment_is_refused_with_the_line_to_write():
    with pytest.raises(SchemaError, match=r"`change` takes assignments, got 'title'") as refused:
        change(stored(), cast("Any", "title"))
    assert "set(value)" in str(refused.value)


@pytest.mark.parametrize("subject", [3, None, {"title": "x"}, object, int])
def test_change_of_what_is_no_struct_and_no_schema_is_refused(subject: Any):
    with pytest.raises(SchemaError, match="was expected, got"):
        change(subject)


# --- edits


def test_put_change_to_the_stored_value_takes_the_change_back():
    changeset = change(stored()).put_change(Book.title, "New")
    assert changeset.changes == {"title": "New"}
    assert changeset.put_change(Book.title, "Old").changes == {}


def test_put_change_compares_as_the_type_does():
    book = stored(notes={"a": 1})
    assert change(book).put_change(Book.price, Decimal("1.000")).changes == {}
    assert change(book).put_change(Book.notes, {"a": 1}).changes == {}
    assert change(book).put_change(Book.notes, {"a": True}).changes == {"notes": {"a": True}}


def test_put_change_trusts_the_type_of_a_value_even_where_it_cannot_be_compared():
    changeset = change(stored(tags=["a"])).put_change(cast("Any", Book.tags), 3)
    assert changeset.changes == {"tags": 3}


def test_a_member_that_is_unset_counts_as_none():
    assert change(Book).put_change(cast("Any", Book.title), None).changes == {}


def test_force_change_keeps_what_equals_the_struct():
    assert change(stored()).force_change(Book.title, "Old").changes == {"title": "Old"}
    assert change(Book).force_change(Book.pages, None).changes == {"pages": None}


@pytest.mark.parametrize("method", ["put_change", "force_change"])
def test_an_expression_is_no_change(method: str):
    with pytest.raises(SchemaError, match=r"a change is a value, and `Book\.pages` was given an expression"):
        getattr(change(stored()), method)(Book.pages, Book.pages + 1)


def test_delete_change_takes_a_change_back_and_keeps_its_errors():
    changeset = change(stored(), Book.title.set("New")).add_error(Book.title, "is odd").delete_change(Book.title)
    assert changeset.changes == {}
    assert changeset.errors == (("title", Error("is odd")),)
    assert change(stored()).delete_change(Book.title).changes == {}


def test_update_change_is_called_for_a_change_only_none_included():
    assert change(stored()).update_change(Book.title, str.upper).changes == {}
    assert change(stored(), Book.title.set("New")).update_change(Book.title, str.upper).changes == {"title": "NEW"}
    assert change(stored(), Book.title.set("New")).update_change(Book.title, lambda _: "Old").changes == {}
    cleared = change(stored(pages=3), Book.pages.set(None))
    assert cleared.update_change(Book.pages, lambda pages: pages or 7).changes == {"pages": 7}


def test_a_list_that_the_caller_goes_on_changing_does_not_change_the_changeset():
    tags, notes = ["a"], {"deep": ["a"]}
    changeset = change(stored()).put_change(Book.tags, tags).force_change(Book.notes, notes)
    tags.append("b")
    notes["deep"].append("b")
    assert changeset.changes == {"tags": ["a"], "notes": {"deep": ["a"]}}


def test_a_virtual_field_is_changed_as_any_other():
    changeset = change(stored()).put_change(Book.secret, "x")
    assert changeset.changes == {"secret": "x"}
    assert changeset.get_field(Book.secret) == "x"


# --- reading


def test_get_field_prefers_the_change_then_the_struct_then_the_default():
    changeset = change(stored(pages=3), Book.title.set("New"))
    assert changeset.get_field(Book.title) == "New"
    assert changeset.get_field(Book.pages) == 3
    assert change(Book).get_field(Book.title) is None
    assert change(Book).get_field(Book.title, "none") == "none"
    assert change(stored(pages=3), Book.pages.set(None)).get_field(Book.pages, 9) is None


def test_get_change_knows_changes_only():
    changeset = change(stored(), Book.title.set("New"))
    assert changeset.get_change(Book.title) == "New"
    assert changeset.get_change(Book.price) is None
    assert changeset.get_change(Book.price, 0) == 0


def test_changed_asks_for_any_change_or_for_one_from_and_to_a_value():
    changeset = change(stored(pages=3), Book.price.set(Decimal(2)), Book.pages.set(None))
    assert changeset.changed(Book.price)
    assert not changeset.changed(Book.title)
    assert changeset.changed(Book.price, to=Decimal("2.0"))
    assert changeset.changed(Book.price, from_=Decimal("1.0"), to=Decimal(2))
    assert not changeset.changed(Book.price, from_=Decimal(3))
    assert not changeset.changed(Book.price, to=Decimal(1))
    assert changeset.changed(Book.pages, from_=3, to=None)
    assert change(Book, Book.title.set("x")).changed(cast("Any", Book.title), from_=None)
    noted = change(stored(notes={"a": 1}), Book.notes.set({"a": 2}))
    assert noted.changed(Book.notes, from_={"a": 1}, to={"a": 2})
    assert not noted.changed(Book.notes, from_={"a": True})


# --- columns


def test_a_column_of_an_alias_means_the_field():
    assert change(stored()).put_change(alias(Book, "b").title, "New").changes == {"title": "New"}


@pytest.mark.parametrize(
    ("wrong", "message", "hint"),
    [
        (Author.name, "`Author.name` is no column of Book", "known names are: id, title"),
        (Author.id, "`Author.id` is no column of Book", "write `Book.id`"),
        ("title", "a column of Book was expected, got the text 'title'", "write `Book.title`"),
        ("titel", "a column of Book was expected, got the text 'titel'", "did you mean `title`?"),
        (3, "a column of Book was expected, got 3", "write `Book.<field>`"),
        (Book.title == "x", "a column of Book was expected, got Book.title == 'x'", "write `Book.<field>`"),
        (Book.author, "`Book.author` is an association, and a column", "its foreign key instead: `Book.author_id`"),
    ],
)
def test_what_is_no_column_of_the_schema_is_refused_with_the_fix(wrong: Any, message: str, hint: str):
    begun = change(stored())
    calls = [
        lambda: begun.cast({}, wrong),
        lambda: begun.put_change(wrong, "x"),
        lambda: begun.force_change(wrong, "x"),
        lambda: begun.update_change(wrong, str),
        lambda: begun.get_field(wrong),
        lambda: begun.get_change(wrong),
        lambda: begun.validate_format(wrong, "x"),
        lambda: begun.validate_number(wrong, less_than=1),
        lambda: begun.validate_inclusion(wrong, ["x"]),
        lambda: begun.validate_exclusion(wrong, ["x"]),
        lambda: begun.unique_constraint(wrong),
        lambda: begun.foreign_key_constraint(wrong),
        lambda: begun.check_constraint(wrong, name="x"),
        lambda: begun.exclusion_constraint(wrong),
    ]
    if wrong is not Book.author:  # an association may be taken back, looked at, required and counted
        calls += [
            lambda: begun.delete_change(wrong),
            lambda: begun.changed(wrong),
            lambda: begun.field_missing(wrong),
            lambda: begun.validate_change(wrong, lambda _: None),
            lambda: begun.validate_required(wrong),
            lambda: begun.validate_length(wrong, min=1),
        ]
    for call in calls:
        with pytest.raises(SchemaError) as refused:
            call()
        assert message in refused.value.message
        assert refused.value.hint is not None
        assert hint in refused.value.hint


def test_a_virtual_field_of_another_schema_and_a_has_many_are_refused():
    with pytest.raises(SchemaError, match=r"`Book\.secret` is no column of Author"):
        change(Author).cast({}, cast("Any", Book.secret))
    with pytest.raises(SchemaError, match=r"`Author\.books` is an association") as refused:
        change(Author).cast({}, cast("Any", Author.books))
    assert "write `put_assoc(Author.books, […])`, or `cast_assoc(Author.books)` for params" in str(refused.value)


# --- errors


def test_add_error_goes_to_a_field_or_to_a_key_of_ones_own():
    changeset = (
        change(stored())
        .add_error(Book.title, "is %{what}", what="odd")
        .add_error("base", "no")
        .add_error(Book.title, "is %{what}", what="odd")
    )
    assert changeset.errors == (
        ("title", Error("is %{what}", what="odd")),
        ("base", Error("no")),
        ("title", Error("is %{what}", what="odd")),
    )
    assert not changeset.valid


def test_traverse_errors_lists_texts_by_field_in_the_order_added():
    changeset = (
        change(stored()).add_error(Book.title, "b %{count}", count=2).add_error("base", "x").add_error(Book.title, "a")
    )
    assert changeset.traverse_errors() == {"title": ["b 2", "a"], "base": ["x"]}
    assert list(changeset.traverse_errors()) == ["title", "base"]
    assert changeset.traverse_errors(lambda error: error.meta.get("count")) == {"title": [2, None], "base": [None]}
    assert change(stored()).traverse_errors() == {}


# --- apply


def test_apply_changes_gives_the_struct_with_its_changes_valid_or_not_and_keeps_its_state():
    book = placed(stored(), Book.__schema__.loaded)
    changeset = change(book, Book.title.set("New")).add_error(Book.title, "is odd")
    applied = changeset.apply_changes()
    assert (applied.title, applied.price, meta(applied).state) == ("New", Decimal(1), "loaded")
    assert book.title == "Old"
    assert change(book).apply_changes() is book


def test_apply_action_gives_the_struct_or_raises_with_the_changeset_and_its_action():
    begun = change(stored(), Book.title.set("New"))
    assert begun.apply_action("validate").title == "New"
    with pytest.raises(InvalidChangesetError) as refused:
        begun.add_error(Book.title, "should be %{count}", count=3).add_error("base", "no").apply_action("insert")
    error = refused.value
    assert error.changeset.action == "insert"
    assert error.changeset.changes == {"title": "New"}
    assert error.message == ("could not insert Book: its changeset is invalid\n\n    title: should be 3\n    base: no")
    assert "exc.changeset.traverse_errors()" in str(error)


@pytest.mark.parametrize("action", [None, "", 3])
def test_an_action_is_a_text(action: Any):
    with pytest.raises(SchemaError, match="an action is a text, got"):
        change(stored()).with_action(action)


def test_the_error_for_a_changeset_without_action_still_names_the_schema():
    assert "could not apply Book" in str(InvalidChangesetError(change(stored()).add_error("base", "no")))


def test_pipe_passes_the_changeset_first():
    def titled(changeset: Changeset[Book], title: str, *, pages: int) -> Changeset[Book]:
        return changeset.put_change(Book.title, title).put_change(Book.pages, pages)

    assert change(stored()).pipe(titled, "New", pages=3).changes == {"title": "New", "pages": 3}


def test_invalid_is_matched_by_its_changeset_and_rolls_back():
    changeset = change(stored()).add_error("base", "no")
    match Invalid(changeset):
        case Invalid(found):
            assert found is changeset
    assert Invalid.rolls_back
    assert repr(Invalid(changeset)) == f"Invalid({changeset!r})"


# --- frozen values


@pytest.mark.parametrize(
    ("value", "name"),
    [(change(Line), "valid"), (change(Line), "new"), (Error("x"), "message"), (Invalid(change(Line)), "changeset")],
)
def test_changesets_errors_and_outcomes_are_frozen(value: Any, name: str):
    with pytest.raises(FrozenError, match=f"`{name}` cannot be"):
        setattr(value, name, 1)
    with pytest.raises(FrozenError, match=f"`{name}` cannot be"):
        delattr(value, name)


def test_the_mappings_of_a_changeset_are_read_only():
    changeset = change(Book).cast({"title": "x"}, Book.title).add_error("base", "no", count=1)
    for view in (changeset.changes, changeset.params, changeset.errors[0][1].meta):
        with pytest.raises(TypeError):
            cast("Any", view)["title"] = "y"


def test_changesets_their_errors_and_outcomes_are_pickled_and_copied():
    changeset = (
        change(stored())
        .cast({"title": "New", "pages": "x"}, Book.title, Book.pages)
        .validate_length(Book.title, min=2)
        .validate_format(Book.title, "N")
        .validate_number(Book.pages, less_than=3)
        .unique_constraint(Book.title)
        .with_action("insert")
    )
    for twin in (pickle.loads(pickle.dumps(changeset)), copy.copy(changeset), copy.deepcopy(changeset)):
        for name in ("data", "changes", "errors", "params", "valid", "action", "validations", "constraints", "uncast"):
            assert getattr(twin, name) == getattr(changeset, name), name
        assert twin.__class__ is Changeset
        assert twin.put_change(Book.pages, 3).changes == {"title": "New", "pages": 3}
    error = pickle.loads(pickle.dumps(InvalidChangesetError(changeset)))
    assert error.changeset.errors == changeset.errors
    assert str(error) == str(InvalidChangesetError(changeset))
    assert pickle.loads(pickle.dumps(Invalid(changeset))).changeset.errors == changeset.errors
    assert pickle.loads(pickle.dumps(change(stored()))).params is None


def test_repr_shows_what_matters_and_hides_redacted_values():
    changeset = change(stored()).put_change(Book.secret, "hunter2").put_change(Book.pages, 3).add_error("base", "no")
    assert repr(changeset) == (
        "<Changeset of Book: action=None, changes={'secret': <redacted>, 'pages': 3}, "
        "errors=(('base', Error('no')),), valid=False>"
    )


def test_an_error_equals_by_message_and_metadata_and_fills_the_gaps_it_knows():
    error = Error("%{count} of %{total}, %{count}", count=3)
    assert str(error) == "3 of %{total}, 3"
    assert error == Error("%{count} of %{total}, %{count}", count=3)
    assert error != Error("%{count} of %{total}, %{count}", count=4)
    assert error != "3 of %{total}, 3"
    assert len({error, Error("%{count} of %{total}, %{count}", count=3)}) == 1
    assert repr(error) == "Error('%{count} of %{total}, %{count}', count=3)"
    assert Error("x", message="y").meta == {"message": "y"}


STEPS: dict[str, Any] = {
    "cast": lambda c: c.cast({"title": "", "pages": "7x", "price": "2"}, Book.title, Book.pages, Book.price),
    "cast well": lambda c: c.cast({"title": "Good", "tags": ["a", ""]}, Book.title, Book.tags),
    "put": lambda c: c.put_change(Book.title, "New"),
    "put back": lambda c: c.put_change(Book.title, "Old"),
    "force": lambda c: c.force_change(Book.title, "Old"),
    "delete": lambda c: c.delete_change(Book.title),
    "update": lambda c: c.update_change(Book.title, lambda title: f"{title}!"),
    "error": lambda c: c.add_error(Book.title, "is odd"),
    "required": lambda c: c.validate_required(Book.title, Book.pages),
    "format": lambda c: c.validate_format(Book.title, "^O"),
    "length": lambda c: c.validate_length(Book.title, max=3),
    "number": lambda c: c.validate_number(Book.price, greater_than=5),
    "inclusion": lambda c: c.validate_inclusion(Book.title, ["Old"]),
    "exclusion": lambda c: c.validate_exclusion(Book.title, ["New"]),
    "change": lambda c: c.validate_change(Book.title, lambda _: "no"),
    "unique": lambda c: c.unique_constraint(Book.title),
    "foreign": lambda c: c.foreign_key_constraint(Book.author_id),
    "action": lambda c: c.with_action("update"),
    "change again": lambda c: change(c, Book.pages.set(4)),
}


def snapshot(changeset: Changeset[Any]) -> tuple[object, ...]:
    return (
        repr(changeset),
        dict(changeset.changes),
        None if changeset.params is None else dict(changeset.params),
        changeset.errors,
        changeset.valid,
        changeset.action,
        changeset.required,
        changeset.validations,
        changeset.constraints,
        changeset.uncast,
        repr(changeset.data),
    )


@given(st.lists(st.sampled_from(sorted(STEPS)), max_size=8), st.booleans())
def test_no_method_ever_changes_its_receiver_and_valid_means_no_errors(names: list[str], loaded: bool):
    changeset: Changeset[Any] = change(stored()) if loaded else change(Book)
    seen: list[tuple[Changeset[Any], tuple[object, ...]]] = []
    for name in names:
        seen.append((changeset, snapshot(changeset)))
        changeset = STEPS[name](changeset)
        assert changeset.valid is (not changeset.errors)
    for earlier, as_it_was in seen:
        assert snapshot(earlier) == as_it_was
