"""The Jinja2 macros: HTML that escapes all it is given, whether the environment escapes or not."""

import subprocess
import sys
from collections.abc import Mapping
from enum import Enum
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import ChoiceLoader, DictLoader, Environment, StrictUndefined

from ectype import Changeset, Field, HasMany, Schema, change, field, has_many, primary_key
from ectype.web_integration import Form, form_templates, to_form


class Mood(Enum):
    GLAD = "glad"
    SAD = "sad"


class Line(Schema, table="macro_lines"):
    id: Field[int] = primary_key()
    title: Field[str]
    list_id: Field[int | None] = field(default=None)

    @staticmethod
    def changeset(struct: Any, params: Mapping[str, object]) -> Changeset["Line"]:
        return change(struct).cast(params, Line.title).validate_required(Line.title)


class ShoppingList(Schema, table="macro_lists"):
    id: Field[int] = primary_key()
    name: Field[str]
    note: Field[str | None] = field(default=None)
    shared: Field[bool] = field(default=False)
    kind: Field[str] = field(default="food")
    tags: Field[list[str]] = field(default_factory=list)
    password: Field[str | None] = field(virtual=True, redact=True, default=None)
    mood: Field[Mood] = field(default=Mood.SAD)
    lines: HasMany[Line] = has_many(foreign_key="list_id", on_replace="delete")


def listed(params: Mapping[str, object], shopping: Any = ShoppingList) -> Changeset[ShoppingList]:
    return (
        change(shopping)
        .cast(
            params,
            ShoppingList.name,
            ShoppingList.note,
            ShoppingList.shared,
            ShoppingList.kind,
            ShoppingList.tags,
            ShoppingList.password,
        )
        .validate_required(ShoppingList.name)
        .validate_length(ShoppingList.name, min=3)
        .cast_assoc(ShoppingList.lines, sort_param="lines_sort", drop_param="lines_drop")
    )


TEMPLATE = """
{%- from "ectype/forms.html" import input, textarea, checkbox, radio, select, errors -%}
{%- from "ectype/forms.html" import hidden_inputs, sort_input, drop_input, add_input -%}
{{ input(form["name"], text="Name", class="wide", data_kind="x", disabled=false, autofocus=true) }}
{{ textarea(form["note"], rows=3) }}
{{ checkbox(form["shared"], text="Shared") }}
{{ select(form["kind"], [("food", "Food"), ("<b>", "<i>")], prompt="…") }}
{{ radio(form["mood"], Mood.GLAD, "Glad") }}{{ radio(form["mood"], Mood.SAD, "Sad") }}{{ errors(form["mood"]) }}
{{ select(form["mood"], [(Mood.GLAD, "Glad"), (Mood.SAD, "Sad")]) }}
{{ input(form["id"], type="file") }}{{ input(form["id"], type="hidden", value=7) }}
{{ select(form["tags"], [("a", "A"), ("b", "B")], multiple=true) }}
{{ input(form["password"], type="password") }}
{% for line in form.inputs_for("lines") %}{{ hidden_inputs(line) }}{{ sort_input(form, line, "lines_sort") }}
{{ input(line["title"]) }}{{ drop_input(form, line, "lines_drop", "Remove") }}{% endfor %}
{{ add_input(form, "lines_sort", "Add") }}
"""


class Tags(HTMLParser):
    """Collects tags, with their attributes, and texts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs)
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append(data.strip())

    def named(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for _, attributes in self.tags if attributes.get("name") == name]


ENVIRONMENTS = {
    escapes: Environment(
        loader=ChoiceLoader([DictLoader({"page": TEMPLATE}), form_templates()]),
        autoescape=escapes,
        undefined=StrictUndefined,
    )
    for escapes in (True, False)
}


def rendered(form: Form, *, autoescape: bool = True) -> Tags:
    return Tags(ENVIRONMENTS[autoescape].get_template("page").render(form=form, Mood=Mood))


escapes = pytest.mark.parametrize("autoescape", [True, False])


@escapes
def test_inputs_have_names_values_and_what_a_browser_checks(autoescape: bool) -> None:
    tags = rendered(to_form(listed({"name": "Ada & <Co>", "shared": "true", "tags": ["b"]})), autoescape=autoescape)
    assert tags.named("shopping_list[name]") == [
        {
            "type": "text",
            "id": "shopping_list_name",
            "name": "shopping_list[name]",
            "value": "Ada & <Co>",
            "required": None,
            "minlength": "3",
            "class": "wide",
            "data-kind": "x",
            "autofocus": None,
        }
    ]
    assert ("label", {"for": "shopping_list_name"}) in tags.tags
    hidden, box = tags.named("shopping_list[shared]")
    assert (hidden["value"], hidden["type"], box["value"], "checked" in box) == ("false", "hidden", "true", True)
    assert tags.named("shopping_list[note]")[0]["rows"] == "3"
    options = [attributes for tag, attributes in tags.tags if tag == "option"]
    assert [one["value"] for one in options] == ["", "food", "<b>", "glad", "sad", "a", "b"]
    assert [one["value"] for one in options if "selected" in one] == ["food", "sad", "b"]
    glad, sad, _ = tags.named("shopping_list[mood]")
    assert (glad["id"], glad["value"], "checked" in glad) == ("shopping_list_mood_glad", "glad", False)
    assert (sad["value"], "checked" in sad) == ("sad", True)
    file, hidden = tags.named("shopping_list[id]")
    assert ("value" in file, hidden["value"]) == (False, "7")
    assert [("multiple" in one) for one in tags.named("shopping_list[tags][]")] == [False, True]


@escapes
def test_errors_are_said_beside_their_input_and_to_screen_readers(autoescape: bool) -> None:
    quiet = rendered(to_form(listed({"name": "x"})), autoescape=autoescape)
    assert not [tag for tag, _ in quiet.tags if tag == "ul"]
    tags = rendered(to_form(listed({"name": "x"}), action="validate"), autoescape=autoescape)
    (name,) = tags.named("shopping_list[name]")
    assert (name["aria-invalid"], name["aria-describedby"]) == ("true", "shopping_list_name_error")
    assert ("ul", {"class": "errors", "id": "shopping_list_name_error"}) in tags.tags
    assert "should be at least 3 character(s)" in tags.texts


@escapes
def test_an_error_of_an_input_that_nobody_was_at_is_not_said(autoescape: bool) -> None:
    form = to_form(listed({"name": "", "_unused_name": ""}), action="validate")
    assert not [tag for tag, _ in rendered(form, autoescape=autoescape).tags if tag == "ul"]


@escapes
def test_a_password_is_never_sent_back(autoescape: bool) -> None:
    tags = rendered(to_form(listed({"password": "s3cret"}), action="insert"), autoescape=autoescape)
    assert tags.named("shopping_list[password]")[0]["value"] == ""


@escapes
def test_entries_send_where_they_belong_and_can_be_sorted_dropped_and_added(autoescape: bool) -> None:
    shopping = ShoppingList(name="x", lines=[Line(id=4, title="milk"), Line(title="bread")])
    tags = rendered(to_form(change(shopping)), autoescape=autoescape)
    assert [one["value"] for one in tags.named("shopping_list[lines][0][id]")] == ["4"]
    assert [one["value"] for one in tags.named("shopping_list[lines][1][_persistent_id]")] == ["1"]
    assert [one["value"] for one in tags.named("shopping_list[lines][1][title]")] == ["bread"]
    assert [one["value"] for one in tags.named("shopping_list[lines_sort][]")] == ["0", "1", "new"]
    assert [one["value"] for one in tags.named("shopping_list[lines_drop][]")] == ["0", "1"]


PLAIN = rendered(to_form(listed({"name": "x", "lines": [{"title": "a"}]}), action="insert")).tags


@escapes
@settings(deadline=None)
@given(text=st.text(st.sampled_from("<>\"'&/= a\n`{}%"), max_size=20))
def test_nothing_that_was_sent_becomes_a_tag_or_an_attribute(autoescape: bool, text: str) -> None:
    params = {"name": text, "note": text, "kind": text, "tags": [text], "lines": [{"title": text}]}
    changeset = listed(params).add_error(ShoppingList.note, text)
    form = to_form(changeset, action="insert", as_=text or "x", id=text or "x")
    for tag, attributes in rendered(form, autoescape=autoescape).tags:
        assert tag in {"input", "textarea", "label", "select", "option", "ul", "li"}
        assert set(attributes) <= {name for _, known in PLAIN for name in known} | {
            "aria-invalid",
            "aria-describedby",
            "class",
            "selected",
        }


def test_without_jinja2_the_loader_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['jinja2'] = None\n"
        "from ectype.web_integration import form_templates, to_form\nform_templates()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert "hint: pip install 'ectype[forms]'" in done.stderr
