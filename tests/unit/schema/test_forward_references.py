"""Names in annotations: looked up at first use, in the module, around the class, then in the registry."""

import gc
import sys
from types import ModuleType
from typing import Any

import pytest

from ectype import BelongsTo, Field, HasMany, Registry, Schema, SchemaError, belongs_to, has_many, primary_key
from ectype.schema.meta import SchemaInfo


class Before(Schema, table="befores"):
    id: Field[int] = primary_key()
    afters: HasMany["After"] = has_many()


class After(Schema, table="afters"):
    id: Field[int] = primary_key()
    before_id: Field[int]
    before: BelongsTo[Before] = belongs_to()


def _related(model: Any, name: str) -> SchemaInfo:
    return model.__schema__.associations[name].related


def _module(name: str, body: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    module = ModuleType(name)
    monkeypatch.setitem(sys.modules, name, module)
    exec(body, module.__dict__)
    return module


def test_a_schema_may_be_mentioned_before_its_class_statement():
    assert _related(Before, "afters") is After.__schema__
    assert _related(After, "before") is Before.__schema__


def test_local_classes_are_found_where_the_class_was_made():
    class Inner(Schema, table="inners"):
        id: Field[int] = primary_key()

    class Outer(Schema, table="outers"):
        id: Field[int] = primary_key()
        inner_id: Field[int]
        inner: BelongsTo["Inner"] = belongs_to()

    assert _related(Outer, "inner") is Inner.__schema__


def test_local_classes_that_come_later_are_found_by_the_registry():
    registry = Registry()

    class Base(Schema, abstract=True, registry=registry):
        pass

    class Early(Base, table="earlies"):
        id: Field[int] = primary_key()
        lates: HasMany["Late"] = has_many()

    class Late(Base, table="lates"):
        id: Field[int] = primary_key()
        early_id: Field[int]

    assert _related(Early, "lates") is Late.__schema__


FUTURE = "from __future__ import annotations\n"
PARTS = """
from ectype import *

class Wheel(Schema, table="wheels"):
    id: Field[int] = primary_key()
    size: Field[int | None] = field(default=None)
    cart_id: Field[int]
    cart: BelongsTo[Cart] = belongs_to()

class Cart(Schema, table="carts"):
    id: Field[int] = primary_key()
    wheels: HasMany[Wheel] = has_many()
"""


def test_annotations_may_all_be_text(monkeypatch: pytest.MonkeyPatch):
    module = _module("carts_as_text", FUTURE + PARTS, monkeypatch)
    assert _related(module.Wheel, "cart") is module.Cart.__schema__
    assert _related(module.Cart, "wheels") is module.Wheel.__schema__
    assert module.Wheel.__schema__.fields["size"].nullable


def test_annotations_may_be_objects_and_text_mixed(monkeypatch: pytest.MonkeyPatch):
    module = _module("carts_as_objects", PARTS.replace("[Cart]", "['Cart']"), monkeypatch)
    assert _related(module.Wheel, "cart") is module.Cart.__schema__
    assert _related(module.Cart, "wheels") is module.Wheel.__schema__


ONE = "from ectype import *\n\nclass Twin(Schema, table='twins'):\n    id: Field[int] = primary_key()\n"
USER = (
    "from ectype import *\n\nclass Keeper(Schema, table='keepers'):\n    id: Field[int] = primary_key()\n"
    "    twin_id: Field[int]\n    twin: BelongsTo['Twin'] = belongs_to()\n"
)


def test_a_schema_of_another_module_is_found_by_the_registry(monkeypatch: pytest.MonkeyPatch):
    one = _module("one_twin", ONE, monkeypatch)
    user = _module("user_of_one_twin", USER, monkeypatch)
    assert _related(user.Keeper, "twin") is one.Twin.__schema__


def test_two_candidates_are_an_error_that_names_both(monkeypatch: pytest.MonkeyPatch):
    gc.collect()
    kept = [_module(name, ONE, monkeypatch) for name in ("first_twins", "second_twins")]
    user = _module("user_of_two_twins", USER, monkeypatch)
    with pytest.raises(SchemaError) as caught:
        _related(user.Keeper, "twin")
    assert str(caught.value) == (
        "`Twin` could be `first_twins.Twin` and `second_twins.Twin`\n\n"
        "hint: import the one you mean into the module of the annotation, or give one of them a registry of its own: "
        "`class Base(Schema, abstract=True, registry=Registry())`"
    )
    user.Twin = kept[0].Twin
    assert _related(user.Keeper, "twin") is kept[0].Twin.__schema__


def test_a_name_that_nobody_has_is_refused(monkeypatch: pytest.MonkeyPatch):
    gc.collect()
    user = _module("user_without_twins", USER, monkeypatch)
    with pytest.raises(SchemaError, match="Twin"):
        _related(user.Keeper, "twin")


def test_what_is_no_schema_is_refused(monkeypatch: pytest.MonkeyPatch):
    user = _module("user_of_a_number", USER.replace("'Twin'", "int"), monkeypatch)
    with pytest.raises(SchemaError, match="a schema class was expected, got <class 'int'>"):
        _related(user.Keeper, "twin")


def test_a_registry_holds_its_schemas_weakly():
    registry = Registry()

    class Base(Schema, abstract=True, registry=registry):
        pass

    def make() -> None:
        class Passing(Base, table="passing"):
            id: Field[int] = primary_key()

        assert registry.find("Passing") is Passing

    make()
    gc.collect()
    assert registry.find("Passing") is None


def test_the_twin_that_loaders_fill_is_in_no_registry():
    registry = Registry()

    class Base(Schema, abstract=True, registry=registry):
        pass

    class Single(Base, table="singles"):
        id: Field[int] = primary_key()

    twin = Single.__schema__.twin
    assert twin is not Single
    assert twin.__name__ == "Single"
    assert registry.find("Single") is Single
    assert not hasattr(twin, "__schema__")
    assert "id" in dir(twin)
