"""`cast`: params from outside become changes, or errors in Ecto's words."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ectype.errors import CastError, SchemaError
from ectype.result import Err, Ok
from ectype.schema.changeset import Changeset, change
from ectype.schema.field_error import Error
from ectype.schema.fields import Field, field, primary_key
from ectype.schema.schema import Schema
from ectype.schema.stored_value import stored_value
from ectype.schema.structs import UNSET, restore, state_of
from ectype.types.base import Type


class Role(StrEnum):
    MEMBER = "member"
    ADMIN = "admin"


class Post(Schema, table="posts"):
    id: Field[int] = primary_key()
    title: Field[str]
    visits: Field[int] = field(default=0)
    score: Field[int | None] = field(default=10)
    price: Field[Decimal | None] = field(default=None)
    role: Field[Role] = field(default=Role.MEMBER)
    at: Field[datetime | None] = field(default=None)
    tags: Field[list[str]] = field(default_factory=list)
    ratings: Field[list[int] | None] = field(default=None)
    blobs: Field[list[bytes] | None] = field(default=None)
    meta: Field[dict[str, Any]] = field(default_factory=dict)
    raw: Field[bytes | None] = field(default=None)
    anything: Field[Any] = field(virtual=True, default=None)
    password: Field[str | None] = field(virtual=True, redact=True, default=None)
    pin: Field[int | None] = field(redact=True, default=None)


INTEGER_ERROR = Error("is invalid", type="integer", validation="cast")
BLANK = Error("can't be blank", validation="required")


def stored(**values: Any) -> Post:
    return Post(**{"id": 1, "title": "Old", **values})


def cast_one(post: Post, name: str, value: object, **options: Any) -> Changeset[Post]:
    return change(post).cast({name: value}, getattr(Post, name), **options)


def test_only_what_is_permitted_is_cast_and_the_params_are_kept():
    params = {"title": "", "visits": "7", "admin": "true", "score": "3"}
    changeset = change(Post).cast(params, Post.title, Post.visits)
    assert changeset.changes == {"visits": 7}
    assert changeset.valid
    assert changeset.params == params


def test_a_permitted_field_without_a_param_changes_nothing():
    assert change(stored()).cast({}, Post.title, Post.visits).changes == {}


def test_what_does_not_fit_is_an_error_and_no_change():
    changeset = change(Post).cast({"visits": "7x", "role": "king"}, Post.visits, Post.role)
    assert changeset.changes == {}
    assert not changeset.valid
    assert changeset.errors == (
        ("visits", INTEGER_ERROR),
        ("role", Error("is invalid", type="enum", validation="inclusion", enum=["member", "admin"])),
    )


def test_an_error_keeps_the_earlier_change_and_validations_leave_it_alone():
    changeset = change(stored()).cast({"visits": "5"}, Post.visits).cast({"visits": "x"}, Post.visits)
    assert changeset.changes == {"visits": 5}
    checked = changeset.validate_number(Post.visits, greater_than=9).validate_change(Post.visits, lambda _: "no")
    assert checked.errors == (("visits", INTEGER_ERROR),)


@pytest.mark.parametrize(
    ("name", "data", "param"),
    [
        ("title", "Old", "Old"),
        ("price", Decimal(1), "1.00"),
        ("at", datetime(2026, 1, 1, 12, tzinfo=UTC), "2026-01-01T13:00:00+01:00"),
        ("tags", ["a"], ["a", ""]),
        ("meta", {"a": 1}, {"a": 1}),
        ("price", None, None),
        ("score", None, None),
    ],
)
def test_what_equals_the_struct_by_its_type_is_no_change(name: str, data: Any, param: Any):
    changeset = cast_one(stored(**{name: data}), name, param)
    assert changeset.changes == {}
    assert changeset.valid


def test_casting_back_to_the_stored_value_takes_the_change_back():
    # Departure: Ecto compares with the earlier change, and keeps one that equals the stored value.
    changeset = cast_one(stored(), "title", "New")
    assert changeset.changes == {"title": "New"}
    assert changeset.cast({"title": "Old"}, Post.title).changes == {}


def test_casts_add_up_and_the_later_param_wins():
    changeset = change(Post).cast({"title": "a", "visits": "x"}, Post.title, Post.visits)
    changeset = changeset.cast({"title": "b", "score": "x"}, Post.title, Post.score)
    assert changeset.changes == {"title": "b"}
    assert changeset.params == {"title": "b", "visits": "x", "score": "x"}
    assert changeset.errors == (("visits", INTEGER_ERROR), ("score", INTEGER_ERROR))


# --- empty values


@pytest.mark.parametrize("empty", ["", "   ", "\n\t "])
def test_what_is_empty_becomes_the_default_and_not_none(empty: str):
    assert cast_one(stored(score=5), "score", empty).changes == {"score": 10}
    assert cast_one(stored(visits=5), "visits", empty).changes == {"visits": 0}
    assert cast_one(stored(tags=["a"]), "tags", empty).changes == {"tags": []}
    assert cast_one(stored(price=Decimal(1)), "price", empty).changes == {"price": None}


def test_none_is_not_empty_but_none():
    assert cast_one(stored(score=5), "score", None).changes == {"score": None}


def test_white_space_is_kept_where_there_is_more_and_counts_in_bytes():
    assert cast_one(stored(), "title", "  x ").changes == {"title": "  x "}
    assert cast_one(stored(), "raw", "  ").changes == {"raw": b"  "}
    assert cast_one(stored(raw=b"x"), "raw", "").changes == {"raw": None}
    assert cast_one(stored(raw=b"x"), "raw", " -", empty_values=(" -",)).changes == {"raw": None}


def test_empty_values_are_those_of_the_call():
    changeset = change(stored(score=5)).cast(
        {"score": " N/A", "title": ""}, Post.score, Post.title, empty_values=("N/A",)
    )
    assert changeset.changes == {"score": 10, "title": ""}
    assert cast_one(stored(score=5), "score", 0, empty_values=[0]).changes == {"score": 10}
    assert cast_one(stored(tags=["a"]), "tags", ["", " "], empty_values=("", [])).changes == {"tags": []}


@pytest.mark.parametrize("wrong", ["", None, {"": 1}, {""}])
def test_empty_values_that_are_no_tuple_are_refused(wrong: Any):
    with pytest.raises(SchemaError, match="`empty_values` is a tuple of values") as refused:
        cast_one(stored(), "title", "x", empty_values=wrong)
    assert 'empty_values=("", "N/A")' in str(refused.value)


def test_empty_elements_of_an_array_are_removed():
    assert cast_one(stored(), "tags", ["a", "", "  ", "b"]).changes == {"tags": ["a", "b"]}
    assert cast_one(stored(), "ratings", ("1", "", 2)).changes == {"ratings": [1, 2]}
    assert cast_one(stored(tags=["a"]), "tags", [""]).changes == {"tags": []}
    assert cast_one(stored(), "blobs", ["", " "]).changes == {"blobs": [b" "]}
    assert cast_one(stored(), "tags", ["a", 3]).errors == (
        ("tags", Error("is invalid", type="array of string", validation="cast", source=[1])),
    )


def test_a_default_is_made_anew_each_time():
    first, second = (cast_one(stored(tags=["a"]), "tags", "").changes["tags"] for _ in range(2))
    assert first == second == []
    assert first is not second


# --- None, where the annotation excludes it


@pytest.mark.parametrize("param", [None, ""])
def test_none_over_a_value_that_cannot_be_none_is_an_error_at_once(param: Any):
    # Departure: Ecto records the nil, since its types do not say what may be nil.
    changeset = cast_one(stored(), "title", param)
    assert changeset.changes == {}
    assert changeset.errors == (("title", BLANK),)
    assert changeset.validate_required(Post.title).errors == (("title", BLANK),)


@pytest.mark.parametrize("param", [None, ""])
def test_none_for_a_member_that_is_unset_is_no_change(param: Any):
    changeset = change(Post).cast({"title": param}, Post.title)
    assert changeset.changes == {}
    assert changeset.valid
    assert changeset.validate_required(Post.title).errors == (("title", BLANK),)


WORDS = st.one_of(
    st.none(), st.text(max_size=4), st.integers(), st.booleans(), st.lists(st.text(max_size=2), max_size=2)
)


@settings(suppress_health_check=[HealthCheck.too_slow])  # the first text reads the tables of Unicode
@given(st.dictionaries(st.sampled_from(["title", "visits", "score", "role", "tags", "meta"]), WORDS), st.booleans())
def test_a_change_always_fits_its_annotation(params: dict[str, object], loaded: bool):
    columns = (Post.title, Post.visits, Post.score, Post.role, Post.tags, Post.meta)
    changeset = change(stored()).cast(params, *columns) if loaded else change(Post).cast(params, *columns)
    kinds = {"title": str, "visits": int, "score": int | None, "role": Role, "tags": list, "meta": dict}
    for name, value in changeset.changes.items():
        assert isinstance(value, cast("Any", kinds[name]))
    assert {name for name, _ in changeset.errors} == set(changeset.uncast)
    assert not set(changeset.changes) & set(changeset.uncast)


# --- params


@pytest.mark.parametrize("params", [[], ["title"], "title", 3, stored()])
def test_params_that_are_no_mapping_are_refused_without_their_value(params: Any):
    with pytest.raises(CastError, match="`cast` takes params, a mapping with str keys, and got") as refused:
        change(Post).cast(params, Post.title)
    assert "Old" not in str(refused.value)
    assert ("`change(struct)`" if isinstance(params, Post) else "put_change") in str(refused.value)


def test_params_of_none_are_a_form_that_was_not_sent_yet():
    changeset = change(Post).cast(None, Post.title)
    assert (changeset.valid, changeset.errors, changeset.params, changeset.changes) == (False, (), None, {})
    begun = change(Post).cast({"title": "x"}, Post.title)
    assert begun.cast(None, Post.visits).params == {"title": "x"}
    assert begun.cast(None, Post.visits).changes == {"title": "x"}
    assert not begun.cast(None).cast({"visits": "1"}, Post.visits).valid
    with pytest.raises(SchemaError, match="a column of Post was expected"):
        change(Post).cast(None, cast("Any", "title"))


@pytest.mark.parametrize("key", [1, None, Post.title, b"title"])
def test_keys_that_are_not_str_are_refused(key: Any):
    with pytest.raises(CastError, match="and got a key of") as refused:
        change(Post).cast({"visits": 1, key: "x"}, Post.title)
    assert "keyed by the names of fields" in str(refused.value)


class Form(Mapping[str, object]):
    def __init__(self, **values: object) -> None:
        self.values_ = values

    def __getitem__(self, key: str) -> object:
        return self.values_[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.values_)

    def __len__(self) -> int:
        return len(self.values_)


def test_any_mapping_will_do_and_later_changes_to_it_do_not_matter():
    form = Form(title="New")
    changeset = change(stored()).cast(form, Post.title)
    form.values_["title"] = "Newer"
    assert changeset.changes == changeset.params == {"title": "New"}


def test_documents_from_params_are_copied():
    params: dict[str, Any] = {"meta": {"a": [1]}, "tags": ["a"]}
    changeset = change(Post).cast(params, Post.meta, Post.tags)
    params["meta"]["a"].append(2)
    params["tags"].append("b")
    assert changeset.changes == {"meta": {"a": [1]}, "tags": ["a"]}


def test_a_virtual_field_of_any_takes_anything():
    marker = object()
    assert change(Post).cast({"anything": marker}, Post.anything).changes == {"anything": marker}


# --- redacted fields


class Blabbing(Type[int]):
    """A type that quotes the value, as one of an application might."""

    @property
    def name(self) -> str:
        return "blabbing"

    def cast(self, value: object) -> Ok[int] | Err:
        return Err(f"{value} is wrong", {"got": value})


def test_errors_of_redacted_fields_never_hold_the_value(monkeypatch: pytest.MonkeyPatch):
    for name in ("pin", "score"):
        known = Post.__schema__.fields[name]
        blabbing = type(known)(known.name, known.source, Blabbing(), known.nullable, known.options)
        monkeypatch.setitem(Post.__schema__.fields, name, blabbing)
    changeset = change(Post).cast({"pin": "hunter2", "score": "open"}, Post.pin, Post.score)
    assert changeset.errors == (
        ("pin", Error("is invalid", type="blabbing", validation="cast")),
        ("score", Error("open is wrong", type="blabbing", validation="cast", got="open")),
    )
    assert "hunter2" not in repr(changeset)


# --- what was stored


def loaded(**frozen: Any) -> Post:
    """A struct as a loader makes it, with what the driver gave kept for its mutable columns."""
    post = stored(tags=["a"], meta={"a": 1}, ratings=None)
    kept = tuple(frozen.get(name) for name in Post.__schema__.mutable_names)
    return restore(Post, {**state_of(post), "_frozen": kept, "_meta": Post.__schema__.loaded})


@pytest.mark.parametrize("tags", ['["a"]', ("a",)])
def test_a_list_that_was_changed_in_place_is_compared_with_what_was_loaded(tags: Any):
    post = loaded(tags=tags, meta='{"a":1}')
    post.tags.append("b")
    post.meta["b"] = 2
    begun = change(post)
    assert stored_value(post, "tags") == ["a"]
    assert begun.put_change(Post.tags, post.tags).changes == {"tags": ["a", "b"]}
    assert begun.put_change(Post.tags, ["a"]).changes == {}
    assert begun.cast({"tags": ["a"], "meta": {"a": 1}}, Post.tags, Post.meta).changes == {}
    assert begun.cast({"meta": {"a": 1, "b": 2}}, Post.meta).changes == {"meta": {"a": 1, "b": 2}}
    assert begun.put_change(Post.tags, ["c"]).changed(Post.tags, from_=["a"], to=["c"])


def test_stored_values_are_those_of_the_struct_where_nothing_was_frozen():
    post = stored(tags=["a"])
    assert stored_value(post, "tags") == ["a"]
    assert stored_value(post, "title") == "Old"
    assert stored_value(change(Post).data, "title") is UNSET
    assert stored_value(loaded(), "ratings") is None
    assert stored_value(loaded(), "title") == "Old"
    assert stored_value(loaded(blobs=(b"x",)), "blobs") == [b"x"]
    assert stored_value(loaded(blobs='["78"]'), "blobs") == [b"x"]
