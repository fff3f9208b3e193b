"""A changeset as a form: names, values, errors, nested forms, and what a browser checks."""

import gettext
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID

import pytest

from ectype import (
    Changeset,
    EmbeddedSchema,
    EmbedsMany,
    EmbedsOne,
    Field,
    HasMany,
    HasOne,
    Repo,
    Schema,
    change,
    embeds_many,
    embeds_one,
    evolve,
    field,
    from_,
    has_many,
    has_one,
    primary_key,
)
from ectype.errors import NotLoadedError, SchemaError
from ectype.schema.errors import InvalidChangesetError
from ectype.web_integration import Form, to_form
from ectype.web_integration.form_values import html_text


class Role(StrEnum):
    MEMBER = "member"
    ADMIN = "admin"


class Permalink(EmbeddedSchema):
    url: Field[str]

    @staticmethod
    def changeset(struct: Any, params: Mapping[str, object]) -> Changeset["Permalink"]:
        return change(struct).cast(params, Permalink.url).validate_length(Permalink.url, min=3)


class Circle(EmbeddedSchema):
    type: Field[Literal["circle"]] = field(default="circle")
    radius: Field[int]


class Square(EmbeddedSchema):
    type: Field[Literal["square"]] = field(default="square")
    side: Field[int]


class Comment(Schema, table="form_comments"):
    id: Field[int] = primary_key()
    body: Field[str]
    author_id: Field[int | None] = field(default=None)

    @staticmethod
    def changeset(struct: Any, params: Mapping[str, object]) -> Changeset["Comment"]:
        return (
            change(struct).cast(params, Comment.body).validate_required(Comment.body).validate_length(
                Comment.body, min=3
            )
        )  # fmt: skip


class Profile(Schema, table="form_profiles"):
    id: Field[int] = primary_key()
    bio: Field[str]
    author_id: Field[int | None] = field(default=None)

    @staticmethod
    def changeset(struct: Any, params: Mapping[str, object]) -> Changeset["Profile"]:
        return change(struct).cast(params, Profile.bio).validate_length(Profile.bio, min=3)


class BlogAuthor(Schema, table="form_authors"):
    id: Field[int] = primary_key()
    name: Field[str]
    email: Field[str | None] = field(default=None)
    age: Field[int | None] = field(default=None)
    score: Field[Decimal | None] = field(default=None)
    rate: Field[float | None] = field(default=None)
    role: Field[Role] = field(default=Role.MEMBER)
    tags: Field[list[str]] = field(default_factory=list)
    password: Field[str | None] = field(virtual=True, redact=True, default=None)
    permalink: EmbedsOne[Permalink | None] = embeds_one(on_replace="delete")
    shapes: EmbedsMany[Circle | Square] = embeds_many(tag="type", on_replace="delete")
    comments: HasMany[Comment] = has_many(foreign_key="author_id", on_replace="delete")
    profile: HasOne[Profile | None] = has_one(foreign_key="author_id", on_replace="delete")


def authored(params: Mapping[str, object], author: Any = BlogAuthor) -> Changeset[BlogAuthor]:
    return (
        change(author)
        .cast(params, BlogAuthor.name, BlogAuthor.email, BlogAuthor.age, BlogAuthor.password, BlogAuthor.tags)
        .validate_required(BlogAuthor.name)
        .validate_length(BlogAuthor.name, min=3, max=100)
        .validate_number(BlogAuthor.age, greater_than=0, less_than=100)
        .validate_confirmation(BlogAuthor.password)
    )


def nested(params: Mapping[str, object], author: Any = BlogAuthor) -> Changeset[BlogAuthor]:
    return (
        authored(params, author)
        .cast_assoc(BlogAuthor.comments, sort_param="comments_sort", drop_param="comments_drop")
        .cast_assoc(BlogAuthor.profile)
        .cast_embed(BlogAuthor.permalink)
    )


# --- the form itself ---


def test_a_form_of_a_new_struct_is_named_by_its_schema_and_posts() -> None:
    changeset = authored({})
    form = to_form(changeset)
    assert (form.name, form.id, form.method, form.source) == ("blog_author", "blog_author", "post", changeset)
    assert (form.params, form.hidden, form.errors) == ({}, (), ())
    assert (form["name"].name, form["name"].id) == ("blog_author[name]", "blog_author_name")
    assert form[BlogAuthor.name].name == form["name"].name


@pytest.mark.parametrize(
    ("options", "name", "id_"),
    [
        ({"as_": "user"}, "user[name]", "user_name"),
        ({"as_": "user", "id": "u"}, "user[name]", "u_name"),
        ({"as_": "a[b][0]"}, "a[b][0][name]", "a_b_0_name"),
    ],
)
def test_a_form_takes_another_name_and_id(options: dict[str, str], name: str, id_: str) -> None:
    one = to_form(authored({}), **options)["name"]
    assert (one.name, one.id) == (name, id_)


def test_errors_are_there_after_an_action_only() -> None:
    changeset = authored({"name": "JV"})
    for quiet in (to_form(changeset), to_form(changeset.with_action("ignore")), to_form(changeset, action="ignore")):
        assert quiet.errors == ()
        assert quiet["name"].errors == []
    for loud in (to_form(changeset, action="validate"), to_form(changeset.with_action("insert"))):
        assert loud["name"].errors == ["should be at least 3 character(s)"]
        assert loud["name"].failures[0].code == "length.min"
        assert loud["email"].errors == []


def test_errors_are_translated() -> None:
    class German(gettext.NullTranslations):
        def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
            return "mindestens %{count} Zeichen"

    form = to_form(authored({"name": "JV"}), action="validate", translate=German())
    assert form["name"].errors == ["mindestens 3 Zeichen"]


def test_the_changeset_that_a_repo_refused_shows_its_errors() -> None:
    with pytest.raises(InvalidChangesetError) as refused:
        authored({"name": ""}).apply_action("insert")
    assert to_form(refused.value.changeset)["name"].shown_errors == ["can't be blank"]


def test_a_value_is_the_change_else_what_was_sent_else_what_the_struct_has() -> None:
    author = BlogAuthor(name="Ada", age=36, score=Decimal("1.50"))
    form = to_form(authored({"name": "Ada L", "age": "old", "rate": "x"}, author))
    assert form["name"].value == "Ada L"
    assert form["age"].value == "old"
    assert form["score"].value == Decimal("1.50")
    assert form["email"].value is None
    assert form["rate"].value == "x"
    assert to_form(authored({}))["name"].value is None


def test_a_secret_is_never_shown_in_an_input() -> None:
    params = {"name": "Ada", "password": "s3cret", "password_confirmation": "s3cret?"}
    form = to_form(authored(params).add_error(BlogAuthor.password, "s3cret is weak"), action="insert")
    assert form["password"].value is None
    assert form["password_confirmation"].value is None
    assert form["password_confirmation"].errors == ["does not match confirmation"]
    assert "s3cret" not in repr(form) + str(form["password"].errors) + form["password"].text()


def test_a_secret_that_is_named_as_a_confirmation_is_one_too() -> None:
    types = {"pin": str, "pin_confirmation": str}
    changeset = change({}, types=types, redact=["pin_confirmation"]).cast({"pin": "1", "pin_confirmation": "2"}, *types)
    form = to_form(changeset, as_="x")
    assert (form["pin"].value, form["pin_confirmation"].value) == ("1", None)


def test_a_form_of_a_changeset_without_a_schema_needs_a_name() -> None:
    changeset = change({"page": 2}, types={"term": str, "page": int}).cast({"term": "x"}, "term")
    with pytest.raises(SchemaError, match="needs a name"):
        to_form(changeset)
    form = to_form(changeset, as_="search")
    assert form["term"].name == "search[term]"
    assert (form["term"].text(), form["page"].text(), form.method) == ("x", "2", "post")


def test_a_misspelt_field_is_refused_with_the_right_one() -> None:
    form = to_form(authored({}))
    for read in (lambda: form["nmae"], lambda: form.inputs_for("commments"), lambda: form[Comment.body]):
        with pytest.raises(SchemaError):
            read()
    with pytest.raises(SchemaError, match="did you mean `name`"):
        form["nmae"]
    with pytest.raises(SchemaError, match="a form is made of a changeset"):
        to_form(BlogAuthor)  # type: ignore[arg-type]


def test_keys_that_are_no_fields_can_be_inputs_too() -> None:
    changeset = change(BlogAuthor).cast({"terms": "false"}, BlogAuthor.name)
    form = to_form(changeset.add_error("base", "try later"), action="insert")
    assert form["terms"].text() == "false"
    assert form["base"].errors == ["try later"]
    assert form["name_confirmation"].value is None


# --- values as HTML has them ---


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (None, "text", ""),
        ("a", "text", "a"),
        (True, "checkbox", "true"),
        (False, "checkbox", "false"),
        (0, "number", "0"),
        (1e300, "number", "1e+300"),
        (Decimal("1E+2"), "number", "100"),
        (Decimal("0.000000000"), "number", "0.000000000"),
        (Decimal("NaN"), "number", "NaN"),
        (date(2010, 4, 17), "date", "2010-04-17"),
        (time(0, 0), "time", "00:00:00"),
        (datetime(2010, 4, 17, 8, 30, tzinfo=UTC), "text", "2010-04-17T08:30:00Z"),
        (datetime(2010, 4, 17, 8, 30, tzinfo=UTC), "datetime-local", "2010-04-17T08:30:00"),
        (datetime(2010, 4, 17, 8, tzinfo=timezone(timedelta(hours=2))), "datetime-local", "2010-04-17T06:00:00"),
        (datetime(2010, 4, 17, 8, 30), "datetime-local", "2010-04-17T08:30:00"),  # a naive one
        (Role.ADMIN, "text", "admin"),
        (UUID(int=1), "text", "00000000-0000-0000-0000-000000000001"),
        ({"a": 1}, "text", ""),
        (["a"], "text", ""),
        (b"\x00", "text", ""),
    ],
)
def test_a_value_becomes_the_text_that_its_input_holds(value: Any, kind: str, text: str) -> None:
    assert html_text(value, kind) == text


def test_values_of_a_list_are_the_options_that_are_selected() -> None:
    assert to_form(authored({"tags": ["a", "b"]}))["tags"].texts() == ["a", "b"]
    assert to_form(authored({}))["role"].texts() == ["member"]
    assert to_form(authored({}))["age"].texts() == []


def test_a_checkbox_is_checked_by_what_counts_as_true() -> None:
    change_ = change({}, types={"ok": bool})
    for sent, checked in (("true", True), ("false", False), ("1", True), ("", False)):
        assert to_form(change_.cast({"ok": sent}, "ok"), as_="x")["ok"].checked is checked


# --- what a browser checks ---


def test_validations_become_attributes() -> None:
    changeset = (
        authored({})
        .validate_number(BlogAuthor.rate, greater_than_or_equal_to=0)
        .validate_number(BlogAuthor.score, greater_than=0, less_than_or_equal_to=Decimal("9.50"))
        .validate_length(BlogAuthor.email, is_=5)
        .validate_length(BlogAuthor.tags, max=3)
        .validate_length(BlogAuthor.password, max=72, count="bytes")
    )
    form = to_form(changeset)
    assert form["name"].validations == {"required": True, "minlength": 3, "maxlength": 100}
    assert form["age"].validations == {"step": 1, "min": 1, "max": 99}
    assert form["rate"].validations == {"step": "any", "min": "0"}
    assert form["score"].validations == {"step": "any", "max": "9.50"}
    assert form["email"].validations == {"minlength": 5, "maxlength": 5}
    assert form["tags"].validations == {}
    assert form["password"].validations == {}
    assert form["role"].validations == {}


# --- nested forms ---


def texts(forms: tuple[Form, ...], key: str) -> list[tuple[str, str, str]]:
    return [(form[key].id, form[key].name, form[key].text()) for form in forms]


@pytest.mark.parametrize(("rel", "key"), [("profile", "bio"), ("permalink", "url")])
def test_one_entry_has_a_form_of_a_new_one_of_the_struct_s_or_of_the_params(rel: str, key: str) -> None:
    entry = Profile(bio="data") if rel == "profile" else Permalink(url="data")
    author = evolve(BlogAuthor(name="Ada"), **{rel: entry})
    id_, name = f"blog_author_{rel}_{key}", f"blog_author[{rel}][{key}]"
    assert texts(to_form(nested({})).inputs_for(rel), key) == [(id_, name, "")]
    assert texts(to_form(nested({}, author)).inputs_for(rel), key) == [(id_, name, "data")]
    changeset = nested({rel: {key: "ht"}})
    (quiet,) = to_form(changeset).inputs_for(rel)
    assert texts((quiet,), key) == [(id_, name, "ht")]
    assert quiet[key].errors == []
    assert quiet[key].validations == {"minlength": 3}
    (loud,) = to_form(changeset.with_action("insert")).inputs_for(rel)
    assert loud[key].shown_errors == ["should be at least 3 character(s)"]
    (named,) = to_form(changeset).inputs_for(rel, as_="foo", id="bar")
    assert texts((named,), key) == [(f"bar_{key}", f"foo[{key}]", "ht")]


@pytest.mark.parametrize("rel", ["profile", "permalink"])
def test_one_entry_that_was_taken_away_has_no_form(rel: str) -> None:
    author = evolve(BlogAuthor(name="Ada"), **{"profile": Profile(bio="abc"), "permalink": Permalink(url="abc")})
    assert to_form(nested({rel: None}, author)).inputs_for(rel) == ()


def test_many_entries_have_forms_with_their_positions() -> None:
    assert to_form(nested({})).inputs_for(BlogAuthor.comments) == ()
    author = BlogAuthor(name="Ada", comments=[Comment(id=5, body="data1"), Comment(body="data2")])
    forms = to_form(nested({}, author)).inputs_for(BlogAuthor.comments)
    assert texts(forms, "body") == [
        ("blog_author_comments_0_body", "blog_author[comments][0][body]", "data1"),
        ("blog_author_comments_1_body", "blog_author[comments][1][body]", "data2"),
    ]
    assert [form.index for form in forms] == [0, 1]
    assert [form.hidden for form in forms] == [(("_persistent_id", "0"), ("id", "5")), (("_persistent_id", "1"),)]
    named = to_form(nested({}, author)).inputs_for(BlogAuthor.comments, as_="foo", id="bar")
    assert texts(named, "body")[0] == ("bar_0_body", "foo[0][body]", "data1")


def test_further_entries_stand_in_front_and_behind_until_the_params_say_something() -> None:
    more: dict[str, Any] = {"prepend": [Comment(body="first")], "append": [Comment(body="last")]}
    author = BlogAuthor(name="Ada", comments=[Comment(id=5, body="data")])
    forms = to_form(nested({}, author).with_action("insert")).inputs_for("comments", **more)
    assert [form["body"].text() for form in forms] == ["first", "data", "last"]
    assert [form["body"].errors for form in forms] == [[], [], []]
    forms = to_form(nested({"comments": [{"id": "5", "body": "h1"}]}, author)).inputs_for("comments", **more)
    assert [form["body"].text() for form in forms] == ["h1"]
    assert to_form(nested({"comments": "x"}, author)).inputs_for("comments", append=[Comment(body="last")])[1:] == ()
    with pytest.raises(SchemaError, match="holds one"):
        to_form(nested({}, author)).inputs_for("profile", append=[Profile(bio="x")])


def test_entries_that_are_replaced_have_no_form() -> None:
    author = BlogAuthor(name="Ada", comments=[Comment(id=5, body="data")])
    assert to_form(nested({"comments": []}, author)).inputs_for("comments") == ()


def test_errors_of_entries_wait_for_the_action_of_the_owner() -> None:
    changeset = nested({"comments": {"0": {"body": "ok, fine"}, "1": {"body": "x"}}})
    assert [form.errors for form in to_form(changeset).inputs_for("comments")] == [(), ()]
    forms = to_form(changeset, action="validate").inputs_for("comments")
    assert [form["body"].shown_errors for form in forms] == [[], ["should be at least 3 character(s)"]]


def test_entries_are_quiet_while_their_owner_is_ignored() -> None:
    changeset = nested({"comments": [{"body": "x"}]})
    (form,) = to_form(changeset, action="ignore").inputs_for("comments")
    assert form.errors == ()


def test_another_function_makes_the_changesets_of_entries_and_is_told_the_position() -> None:
    def longer(struct: Any, params: Mapping[str, object], position: int) -> Changeset[Comment]:
        return change(struct).cast(params, Comment.body).validate_length(Comment.body, min=5 + position)

    author = BlogAuthor(name="Ada", comments=[Comment(body="a"), Comment(body="b")])
    forms = to_form(change(author)).inputs_for("comments", with_=longer)
    assert [form["body"].validations for form in forms] == [{"minlength": 5}, {"minlength": 6}]
    with pytest.raises(SchemaError, match="returns one"):
        to_form(change(author)).inputs_for("comments", with_=lambda _struct, _params: None)


def test_an_entry_of_a_union_sends_its_tag_again() -> None:
    author = BlogAuthor(name="Ada", shapes=[Circle(radius=1), Square(side=2)])
    forms = to_form(change(author)).inputs_for(BlogAuthor.shapes)
    assert [form.hidden[1:] for form in forms] == [(("type", "circle"),), (("type", "square"),)]
    assert [forms[0]["radius"].text(), forms[1]["side"].text()] == ["1", "2"]


def test_sorted_entries_keep_their_ids_and_dropped_ones_are_gone() -> None:
    params = {
        "comments": {
            "0": {"body": "one", "_persistent_id": "0"},
            "1": {"body": "two", "_persistent_id": "1"},
            "2": {"body": "three", "_persistent_id": "2"},
        },
        "comments_sort": ["2", "1", "0", "new"],
        "comments_drop": ["", "1"],
    }
    form = to_form(nested(params))
    assert texts(form.inputs_for("comments"), "body") == [
        ("blog_author_comments_2_body", "blog_author[comments][0][body]", "three"),
        ("blog_author_comments_0_body", "blog_author[comments][1][body]", "one"),
        ("blog_author_comments_3_body", "blog_author[comments][2][body]", ""),
    ]
    assert form.input_name("comments_sort") == "blog_author[comments_sort]"


def test_an_entry_in_the_middle_gets_the_next_place_that_is_free() -> None:
    sent = [{"body": "a", "_persistent_id": "5"}, {"body": "b"}, {"body": "c", "_persistent_id": "2"}]
    forms = to_form(nested({"comments": sent})).inputs_for("comments")
    assert [form.hidden[0][1] for form in forms] == ["5", "3", "2"]


@pytest.mark.parametrize("hostile", ["<script>", "-1", "9" * 100, {"a": "b"}, ["1"], "", "1\n", "٣", 7])
def test_a_hostile_place_counts_for_none(hostile: Any) -> None:
    sent = [{"body": "a", "_persistent_id": hostile}, {"body": "b", "_persistent_id": "0"}]
    sent += [{"body": "c", "_persistent_id": "0"}]
    forms = to_form(nested({"comments": sent})).inputs_for("comments")
    places = [form.hidden[0][1] for form in forms]
    assert len(set(places)) == 3
    assert all(place in ("0", "1", "2", "3") for place in places)


@pytest.mark.parametrize("hostile", [{"name": {"a": "b"}}, {"name": ["x"]}, {"comments": "x"}, {"comments": [1]}])
def test_params_of_another_shape_leave_a_form_that_can_be_shown(hostile: dict[str, Any]) -> None:
    form = to_form(nested(hostile), action="insert")
    assert isinstance(form["name"].text() + str(form["name"].texts()), str)
    assert form.inputs_for("comments") == ()
    assert form["comments"].text() == ""


def test_errors_of_the_relation_itself_stand_at_its_own_input() -> None:
    form = to_form(nested({"comments": "x"}), action="insert")
    assert form[BlogAuthor.comments].errors == ["is invalid"]


# --- who has been at an input ---


@pytest.mark.parametrize(
    ("params", "key", "used"),
    [
        ({}, "name", False),
        ({"name": "x"}, "name", True),
        ({"name": "", "_unused_name": ""}, "name", False),
        ({"name": "x"}, "email", True),
        ({"name": "x", "_unused_age": ""}, "email", False),
        ({"profile": {"bio": "x"}}, "profile", True),
        ({"profile": {"bio": "", "_unused_bio": ""}}, "profile", False),
        ({"profile": {"bio": "x", "_unused_bio": "", "a": {"b": "c"}}}, "profile", True),
        ({"comments": {"0": {"body": "", "_unused_body": ""}}}, "comments", False),
        ({"comments": {"0": {"body": ""}}}, "comments", True),
        ({"profile": {}}, "profile", False),
    ],
)
def test_an_input_counts_as_used_when_somebody_has_been_at_it(params: Any, key: str, used: bool) -> None:
    assert to_form(authored(params))[key].used is used


def test_only_errors_of_used_inputs_are_shown() -> None:
    form = to_form(authored({"name": "", "_unused_name": "", "age": "-1"}), action="validate")
    assert form["name"].errors == ["can't be blank"]
    assert form["name"].shown_errors == []
    assert form["age"].shown_errors == ["must be greater than 0"]


# --- of stored rows ---


async def test_a_stored_row_puts_and_its_entries_must_be_loaded(sqlite_url: str) -> None:
    class Row(Schema, table="form_rows"):
        id: Field[int] = primary_key()
        comments: "HasMany[RowComment]" = has_many(foreign_key="row_id", on_replace="delete")

    async with Repo(sqlite_url) as repo:
        await repo.query("CREATE TABLE form_rows (id INTEGER PRIMARY KEY)")
        await repo.query("CREATE TABLE form_row_comments (id INTEGER PRIMARY KEY, row_id INTEGER, body TEXT)")
        await repo.query("INSERT INTO form_rows VALUES (1)")
        await repo.query("INSERT INTO form_row_comments VALUES (7, 1, 'hi')")
        row = await repo.one_or_raise(from_(Row))
        assert to_form(change(row)).method == "put"
        with pytest.raises(NotLoadedError, match="preload"):
            to_form(change(row)).inputs_for("comments")
        row = await repo.preload(row, Row.comments)
        (form,) = to_form(change(row)).inputs_for("comments")
        assert form.hidden == (("_persistent_id", "0"), ("id", "7"))
        assert form.method == "put"
        replaced = change(row).put_assoc(Row.comments, [RowComment(body="new")])
        assert [one["body"].text() for one in to_form(replaced).inputs_for("comments")] == ["new"]


class RowComment(Schema, table="form_row_comments"):
    id: Field[int] = primary_key()
    row_id: Field[int]
    body: Field[str]
