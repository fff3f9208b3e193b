"""The page on schemas says what is true: its examples run, and its tables have every option."""

import re
from inspect import signature
from pathlib import Path

import pytest

from ectype import column, field
from ectype.schema.class_options import KNOWN
from ectype.schema.reflection import AssociationReflection, FieldReflection, SchemaReflection

PAGE = (Path(__file__).parents[3] / "docs" / "schemas.md").read_text(encoding="utf-8")


def test_the_examples_of_the_page_run_in_order():
    code = "\n".join(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL))
    exec(compile(code, "docs/schemas.md", "exec"), {"__name__": "page"})


@pytest.mark.parametrize("call", [field, column])
def test_the_page_names_every_option_of_a_field_and_its_column(call: object):
    assert [name for name in signature(call).parameters if f"{name}=" not in PAGE] == []  # type: ignore[arg-type]


def test_the_page_names_every_option_of_a_base():
    assert [name for name in KNOWN if f"{name}=" not in PAGE] == []


@pytest.mark.parametrize("kind", [SchemaReflection, FieldReflection, AssociationReflection])
def test_the_page_names_everything_that_reflection_tells(kind: type):
    names = {*kind.__dataclass_fields__, *(name for name in vars(kind) if isinstance(vars(kind)[name], property))}  # type: ignore[attr-defined]
    assert [name for name in sorted(names) if f"`{name}`" not in PAGE and f"`{name}(" not in PAGE] == []
