"""Errors on their way to people and programs: codes, translations, problem details; and never a secret."""

import ast
import gettext
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from enum import Enum, StrEnum
from pathlib import Path
from typing import Any

import pytest

import ectype
from ectype.errors import SchemaError
from ectype.schema.changeset import change
from ectype.schema.errors import InvalidChangesetError
from ectype.schema.field_error import Error
from ectype.schema.fields import Field, field, primary_key
from ectype.schema.messages import CATALOGUE, template
from ectype.schema.problem import plain, pointer
from ectype.schema.schema import Schema

PACKAGE = Path(ectype.__file__).parent


class Post(Schema, table="posts"):
    id: Field[int] = primary_key()
    title: Field[str | None] = field(default=None)
    price: Field[Decimal | None] = field(default=None)
    tags: Field[list[str]] = field(default_factory=list)
    pin: Field[str | None] = field(redact=True, default=None)


# --- codes


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Error("x", validation="length", kind="min", count=3), "length.min"),
        (Error("x", validation="required"), "required"),
        (Error("x", constraint="unique", constraint_name="y"), "unique"),
        (Error("x", stale=True), "stale"),
        (Error("x", code="mine", validation="required"), "mine"),
        (Error("x", code=7), "7"),
        (Error("x"), "custom"),
    ],
)
def test_an_error_has_a_word_for_programs(error: Error, code: str):
    assert error.code == code


# --- translations


class German(gettext.NullTranslations):
    def gettext(self, message: str) -> str:
        return {"can't be blank": "darf nicht leer sein"}.get(message, message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        if msgid1 == "should be at least %{count} character(s)":
            return "braucht mindestens ein Zeichen" if n == 1 else "braucht mindestens %{count} Zeichen"
        return msgid1


def test_a_catalogue_translates_and_chooses_the_plural():
    assert Error("can't be blank", validation="required").text(German()) == "darf nicht leer sein"
    short = "should be at least %{count} character(s)"
    assert Error(short, count=1).text(German()) == "braucht mindestens ein Zeichen"
    assert Error(short, count=3).text(German()) == "braucht mindestens 3 Zeichen"
    assert Error(short, count=3).text(gettext.NullTranslations()) == "should be at least 3 character(s)"
    assert Error("is %{what}", what="odd").text(lambda message: message.upper().replace("WHAT", "what")) == "IS odd"
    changeset = change(Post).validate_required(Post.title)
    assert changeset.traverse_errors(lambda error: error.text(German())) == {"title": ["darf nicht leer sein"]}
    with pytest.raises(SchemaError, match="`translate` is a catalogue of gettext or a function"):
        Error("x").text("de")  # type: ignore[arg-type]


def test_what_fills_a_gap_is_not_looked_through_for_gaps():
    assert Error("%{a}", a="%{b}", b="secret").text() == "%{b}"


def test_the_template_is_what_the_catalogue_says():
    path = PACKAGE / "locale" / "ectype.pot"
    assert path.read_text(encoding="utf-8") == template(), f"write it anew: {path}"
    assert len({entry.message for entry in CATALOGUE}) == len(CATALOGUE)
    for entry in CATALOGUE:
        assert f'msgid "{entry.message}"' in template()
        assert (f'msgid_plural "{entry.message}"' in template()) is ("%{count}" in entry.message)


def test_the_template_is_read_by_a_reader_of_such_files(tmp_path: Path):
    filled = template().replace('msgid "is reserved"\nmsgstr ""', 'msgid "is reserved"\nmsgstr "ist vergeben"')
    assert "ist vergeben" in filled
    blocks = [block for block in filled.split("\n\n") if "msgid" in block]
    assert len(blocks) == len(CATALOGUE) + 1


def _said(tree: ast.AST) -> Iterator[str]:
    """Give the texts that are written where errors are made."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in ("Error", "Err", "refusal")
        ):
            for one in node.args[:1]:
                if isinstance(one, ast.Constant) and isinstance(one.value, str) and one.value:
                    yield one.value


def test_the_catalogue_has_every_message_of_the_library():
    known = {entry.message for entry in CATALOGUE}
    found: dict[str, str] = {}
    for room in ("types", "schema", "repo"):
        for path in (PACKAGE / room).glob("*.py"):
            for text in _said(ast.parse(path.read_text(encoding="utf-8"))):
                found[text] = path.name
    assert found
    assert {text: name for text, name in found.items() if text not in known} == {}
    assert list(_said(ast.parse("refusal('new words', message)"))) == ["new words"]


def test_no_message_is_written_by_hand_where_a_constant_says_it():
    texts = {entry.message for entry in CATALOGUE}
    for path in (PACKAGE / "schema").glob("*.py"):
        if path.name == "messages.py":
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert [text for text in _said(tree) if text in texts] == [], path.name


# --- problem details


def test_errors_become_problem_details():
    changeset = (
        change(Post)
        .put_change(Post.title, "x")
        .put_change(Post.price, Decimal("1.5"))
        .validate_length(Post.title, min=3)
        .validate_number(Post.price, greater_than=Decimal("2.50"))
        .validate_inclusion(Post.title, {"a"})
        .add_error("a/b~c", "no", at=date(2026, 1, 1))
    )
    told = changeset.problem(type="https://example.org/invalid", title="Not like this")
    assert json.loads(json.dumps(told)) == told
    assert told == {
        "type": "https://example.org/invalid",
        "title": "Not like this",
        "status": 422,
        "errors": [
            {
                "pointer": "#/title",
                "detail": "should be at least 3 character(s)",
                "code": "length.min",
                "meta": {"count": 3, "validation": "length", "kind": "min", "type": "string"},
            },
            {
                "pointer": "#/price",
                "detail": "must be greater than 2.50",
                "code": "number.greater_than",
                "meta": {"validation": "number", "kind": "greater_than", "number": "2.50"},
            },
            {
                "pointer": "#/title",
                "detail": "is invalid",
                "code": "inclusion",
                "meta": {"validation": "inclusion", "enum": ["a"]},
            },
            {"pointer": "#/a~1b~0c", "detail": "no", "code": "custom", "meta": {"at": "2026-01-01"}},
        ],
    }
    plain_one = change(Post).validate_required(Post.title).problem(translate=German(), status=400)
    assert (plain_one["type"], plain_one["title"], plain_one["status"]) == ("about:blank", "Bad Request", 400)
    assert plain_one["errors"][0]["detail"] == "darf nicht leer sein"
    assert change(Post).problem()["errors"] == []


def test_a_pointer_is_a_uri_fragment():
    assert pointer(("posts", 0, "title")) == "#/posts/0/title"
    assert pointer(("ä %",)) == "#/%C3%A4%20%25"
    assert pointer(()) == "#"


class Color(StrEnum):
    RED = "red"


class Size(Enum):
    BIG = 1


def test_metadata_becomes_what_json_can_say():
    values: dict[str, Any] = {
        "a": (1, True, None, 1.5),
        "b": float("nan"),
        "c": {Color.RED, Color.RED},
        "d": Size.BIG,
        "e": {1: Decimal("1.0")},
        "f": range(2),
        "g": Color.RED,
    }
    assert plain(values) == {
        "a": [1, True, None, 1.5],
        "b": "nan",
        "c": ["red"],
        "d": 1,
        "e": {"1": "1.0"},
        "f": [0, 1],
        "g": "red",
    }
    assert plain(values)["g"].__class__ is str


def test_the_value_of_a_redacted_field_is_in_no_error_that_is_shown():
    changeset = (
        change(Post)
        .put_change(Post.pin, "hunter2")
        .validate_change(Post.pin, lambda pin: Error("is weak: %{pin}", pin=pin, code="weak"))
        .validate_exclusion(Post.pin, ["hunter2"])
        .validate_length(Post.pin, max=3)
    )
    told = changeset.problem()
    assert [one["code"] for one in told["errors"]] == ["weak", "exclusion", "length.max"]
    assert told["errors"][0]["detail"] == "is weak: %{pin}"
    quoted = changeset.add_error(Post.pin, "hunter2 is %{how}", how="bad")
    assert quoted.traverse_errors()["pin"][-1] == "<redacted> is bad"
    for shown in (json.dumps(quoted.problem()), repr(quoted), str(quoted.traverse_errors()), _refusal(quoted)):
        assert "hunter2" not in shown
    assert "is bad" in _refusal(quoted)
    # What an open field was given may be told.
    assert change(Post).put_change(Post.title, "x").add_error(Post.title, "x is %{a}", a="x").traverse_errors() == {
        "title": ["x is x"]
    }
    uncast = change(Post).cast({"pin": 12345}, Post.pin).add_error(Post.pin, "12345 is no text")
    assert uncast.traverse_errors() == {"pin": ["is invalid", "<redacted> is no text"]}


def _refusal(changeset: Any) -> str:
    with pytest.raises(InvalidChangesetError) as refused:
        changeset.apply_action("insert")
    return str(refused.value)


def test_the_template_is_in_the_wheel(tmp_path: Path):
    pytest.importorskip("hatchling")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=PACKAGE.parent, check=True, capture_output=True, timeout=60)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        assert packed.read("ectype/locale/ectype.pot").decode() == template()
