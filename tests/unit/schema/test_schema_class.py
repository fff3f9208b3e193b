"""The class statement of a schema: what it takes, what it refuses, with the line to write."""

import sys
from datetime import datetime, timedelta
from decimal import Decimal
from textwrap import dedent
from types import ModuleType
from typing import ClassVar

import pytest

from ectype import (
    BelongsTo,
    Field,
    HasMany,
    Registry,
    Schema,
    SchemaError,
    Timestamps,
    belongs_to,
    field,
    has_many,
    primary_key,
)
from ectype.schema.meta import schema_info
from ectype.schema.rel import Rel


def _refusal(body: str) -> str:
    """Return what the class statements of a module are refused with."""
    module = ModuleType("refused")
    sys.modules["refused"] = module
    exec("from ectype import *\nfrom typing import *\nfrom datetime import datetime", module.__dict__)
    try:
        with pytest.raises(SchemaError) as caught:
            exec(body, module.__dict__)
    finally:
        del sys.modules["refused"]
    return "\n".join([str(caught.value), *getattr(caught.value, "__notes__", [])])


REFUSED = {
    "a bare has_many": (
        "class User(Schema, table='users'):\n    posts: HasMany['Post']",
        "`User.posts: HasMany[Post]` needs a call on its right, since the constructor may omit it\n\n"
        "hint: write `posts: HasMany[Post] = has_many()`",
    ),
    "a bare belongs_to": (
        "class Post(Schema, table='posts'):\n    author_id: Field[int]\n    author: BelongsTo['User']",
        "`Post.author: BelongsTo[User]` needs a call on its right, since the constructor may omit it\n\n"
        "hint: write `author: BelongsTo[User] = belongs_to()`",
    ),
    "the call of another association": (
        "class Post(Schema, table='posts'):\n    author: BelongsTo['User'] = has_many()",
        "`Post.author: BelongsTo[User]` needs a call on its right, since the constructor may omit it\n\n"
        "hint: write `author: BelongsTo[User] = belongs_to()`",
    ),
    "an association of nothing": (
        "class User(Schema, table='users'):\n    posts: HasMany = has_many()",
        "`User.posts: HasMany` does not say its schema\n\nhint: write `HasMany[Other]`",
    ),
    "a belongs_to without its key": (
        "class Post(Schema, table='posts'):\n    author: BelongsTo['User'] = belongs_to()",
        "`Post.author` needs its foreign key `author_id`, which Post does not have\n\n"
        'hint: add `author_id: Field[int]`, or name the one you have: `belongs_to(foreign_key="…")`',
    ),
    "a required belongs_to with a key that may be missing": (
        "class Post(Schema, table='posts'):\n"
        "    author_id: Field[int | None]\n    author: BelongsTo['User'] = belongs_to()",
        "`Post.author` may be missing, since `author_id` may be None\n\n"
        "hint: write `author: BelongsTo[User | None] = belongs_to(…)`",
    ),
    "an optional belongs_to with a key that is always there": (
        "class Post(Schema, table='posts'):\n"
        "    author_id: Field[int]\n    author: BelongsTo['User | None'] = belongs_to()",
        "`Post.author` is never missing, since `author_id` is never None\n\n"
        "hint: drop the `| None` of `BelongsTo[User | None]`, or write `author_id: Field[int | None]`",
    ),
    "a plain annotation": (
        "class User(Schema, table='users'):\n    name: str",
        "`User.name: str` is no member of a schema\n\n"
        "hint: write `name: Field[str]`, or `ClassVar[…]` for what is not stored",
    ),
    "a field of nothing": (
        "class User(Schema, table='users'):\n    name: Field",
        "`User.name: Field` does not say its type\n\nhint: write `name: Field[str]`",
    ),
    "a member named like its type": (
        "class User(Schema, table='users'):\n    int: Field[int]",
        "`User.int` has the name of its own type, which Python then cannot see\n\n"
        'hint: name the member otherwise: `int_: Field[int] = field(source="int")`',
    ),
    "a member with an underscore in front": (
        "class User(Schema, table='users'):\n    _name: Field[str]",
        "`User._name`: a member's name has no underscore in front\n\n"
        'hint: write `name: Field[…] = field(source="_name")`',
    ),
    "a plain default": (
        "class User(Schema, table='users'):\n    age: Field[int] = 3",
        "`User.age` is set to 3\n\nhint: write `age: Field[int] = field(default=…)`",
    ),
    "None as a plain default": (
        "class User(Schema, table='users'):\n    age: Field[int | None] = None",
        "`User.age` is set to None\n\nhint: write `age: Field[int | None] = field(default=…)`",
    ),
    "a field without an annotation": (
        "class User(Schema, table='users'):\n    name = field()",
        "`User.name` has no annotation\n\nhint: write `name: Field[…] = …`",
    ),
    "an association without an annotation": (
        "class User(Schema, table='users'):\n    posts = has_many()",
        "`User.posts` has no annotation\n\nhint: write `posts: Field[…] = …`",
    ),
    "an unknown option": (
        "class User(Schema, tabel='users'):\n    id: Field[int]",
        "`class User` does not know the option `tabel`\n\n"
        "hint: known options are: table, prefix, abstract, registry, primary_key, "
        "foreign_key_type, timestamps, redact, source_mapper, on_writable_violation",
    ),
    "a table that is no name": (
        "class User(Schema, table=3):\n    id: Field[int]",
        'the table of User is a name, got 3: `table="users"`',
    ),
    "a table without a name": (
        "class User(Schema, table=''):\n    id: Field[int]",
        "the table of User is a name, got '': `table=\"users\"`",
    ),
    "a subclass of a schema": (
        "class Visitor(Schema, table='users'):\n    id: Field[int]\n\nclass Admin(Visitor, table='admins'):\n    pass",
        "`class Admin` cannot inherit from the schema Visitor: a base class carries options only\n\n"
        "hint: put shared members into a plain mixin class, and options on `class Base(Schema, abstract=True)`",
    ),
    "two schema bases": (
        "class A(Schema, abstract=True): pass\nclass B(Schema, abstract=True): pass\n"
        "class User(A, B, table='users'):\n    id: Field[int]",
        "`class User` has two schema bases: A and B\n\n"
        "hint: keep one; what it should share with others goes into a plain mixin class, as `Timestamps` is",
    ),
    "an abstract schema with a table": (
        "class Base(Schema, abstract=True, table='users'): pass",
        "`class Base` is abstract, so it has no table\n\nhint: drop `table=` or `abstract=True`",
    ),
    "an abstract schema with members": (
        "class Base(Schema, abstract=True):\n    id: Field[int]",
        "`class Base` is abstract, so it has no members, and found `id`\n\n"
        "hint: members that several schemas share go into a plain mixin class, as `Timestamps` is",
    ),
    "slots of its own": (
        "class User(Schema, table='users'):\n    __slots__ = ('x',)\n    id: Field[int]",
        "`class User` has `__slots__`, which a schema makes itself\n\nhint: drop the line",
    ),
    "a default that can change": (
        "class User(Schema, table='users'):\n    tags: Field[list[str]] = field(default=[])",
        "a default is shared by all structs, and [] can change\n\nhint: write `field(default_factory=list)`",
    ),
    "two defaults": (
        "class User(Schema, table='users'):\n    tags: Field[list[str]] = field(default=1, default_factory=list)",
        "a field has a `default` or a `default_factory`, not both",
    ),
    "a virtual key": (
        "class User(Schema, table='users'):\n    id: Field[int] = field(virtual=True, primary_key=True)",
        "a virtual field is never stored: it has no key, autogenerate, read_after_writes, writable, load_in_query or "
        "db",
    ),
    "a field that both sides fill": (
        "class User(Schema, table='users'):\n"
        "    id: Field[int] = field(autogenerate=lambda: 1, read_after_writes=True)",
        "a field is generated here or read back from the database, not both",
    ),
}


@pytest.mark.parametrize(("body", "message"), REFUSED.values(), ids=REFUSED)
def test_a_class_that_means_nothing_is_refused_with_the_line_to_write(body: str, message: str):
    assert _refusal(body) == message


@pytest.mark.parametrize(("body", "message"), REFUSED.values(), ids=REFUSED)
def test_annotations_that_are_text_are_refused_alike(body: str, message: str):
    quoted = body.replace("'Post'", "Post").replace("'User'", "User").replace("'User | None'", "User | None")
    assert _refusal(f"from __future__ import annotations\n{quoted}") == message


def test_a_type_that_nothing_stores_is_refused_when_it_is_needed():
    body = "class Visitor(Schema, table='users'):\n    name: Field['Nothing']\nVisitor.__schema__.fields"
    assert _refusal(body).endswith("in the field `Visitor.name: Field[Nothing]`")


# --- what a class has -------------------------------------------------------------------------------------------------


class Named:
    """A mixin without slots: a plain class, as people write it."""

    name: Field[str] = field(default="?")
    prefix_of_names: ClassVar[str] = "Mx "

    def full_name(self) -> str:
        return self.prefix_of_names + self.name


class Counted:
    __slots__ = ()

    hits: Field[int] = field(default=0)

    @property
    def popular(self) -> bool:
        return self.hits > 9


class Deep(Counted):
    __slots__ = ()

    depth: Field[int] = field(default=0)


class Nearer(Counted):
    __slots__ = ()

    hits: Field[str] = field(default="many")


class Page(Schema, Deep, Named, Timestamps, table="pages"):
    id: Field[int] = primary_key()
    title: Field[str]

    def shout(self) -> str:
        return self.title.upper()


class Slim(Schema, Deep, Timestamps, table="slims"):
    id: Field[int] = primary_key()


def test_mixins_give_members_and_methods():
    page = Page(title="x", name="Ada", hits=10)
    assert (page.full_name(), page.popular, page.shout(), page.depth) == ("Mx Ada", True, "X", 0)
    assert isinstance(page, Named)
    assert Page.__schema__.column_names == (
        "id", "title", "hits", "depth", "name", "inserted_at", "updated_at",
    )  # fmt: skip
    assert repr(Page.hits) == "Page.hits"


def test_the_nearest_declaration_of_a_member_wins():
    class Near(Schema, Nearer, Counted, table="near"):
        id: Field[int] = primary_key()

    class Own(Schema, Nearer, table="own"):
        hits: Field[float] = field(default=0.5)

    assert (Near().hits, Near.__schema__.field("hits").type.name) == ("many", "string")
    assert (Own().hits, Own.__schema__.field("hits").type.name) == (0.5, "float")


def test_a_mixin_in_a_module_of_text_is_read_with_the_names_of_that_module(monkeypatch):
    shared = ModuleType("shared_mixins")
    monkeypatch.setitem(sys.modules, "shared_mixins", shared)
    body = """
        from __future__ import annotations
        from decimal import Decimal as Money
        from ectype import BelongsTo, Field, belongs_to, field

        class Priced:
            price: Field[Money] = field(default=Money(0), scale=2)
            page_id: Field[int | None] = field(default=None)
            page: BelongsTo[Page | None] = belongs_to()
    """
    exec(dedent(body), shared.__dict__)
    Money = str  # noqa: F841  # what the name means here

    class Ticket(Schema, shared.Priced, table="tickets"):
        id: Field[int] = primary_key()

    assert Ticket(price=Decimal("1.50")).price == Decimal("1.50")
    assert Ticket.__schema__.field("price").type.name == "decimal"
    # What is not there is what the class sees, and then any schema of that name.
    assert Ticket.__schema__.associations["page"].related is Page.__schema__


def test_a_mixin_with_slots_costs_no_dict():
    assert not hasattr(Slim(), "__dict__")
    assert hasattr(Page(title="x"), "__dict__")
    with pytest.raises(SchemaError, match="a struct never changes"):
        Page(title="x").other = 1  # type: ignore[attr-defined]


def test_a_method_may_call_what_a_mixin_has():
    class Loud(Schema, Named, table="loud"):
        def full_name(self) -> str:
            return super().full_name() + "!"

    assert Loud(name="Ada").full_name() == "Mx Ada!"


def test_a_method_of_the_class_wins_over_ours():
    class Quiet(Schema, table="quiet"):
        id: Field[int] = primary_key()

        def __repr__(self) -> str:
            return "quiet"

    assert repr(Quiet()) == "quiet"
    assert hash(Quiet(id=1)) == hash(Quiet(id=1))


def test_the_class_adds_no_public_name_of_its_own():
    public = {name for name in dir(Page) if not name.startswith("_")}
    assert public <= {*Page.__schema__.field_names, "full_name", "prefix_of_names", "popular", "shout"}


def test_columns_are_on_the_class_and_values_on_the_instance():
    assert repr(Page.title) == "Page.title"
    assert Page(title="x").title == "x"
    with pytest.raises(AttributeError):
        Page.title = 3  # type: ignore[misc, assignment]


def test_a_misspelt_column_is_corrected_by_python_itself():
    # A `__getattr__` of ours on the metaclass would make every `Page.title` three times as slow.
    with pytest.raises(AttributeError, match="type object 'Page' has no attribute 'titel'"):
        _ = Page.titel  # type: ignore[attr-defined]
    assert {*Page.__schema__.field_names} <= {*dir(Page)}  # what Python's "Did you mean" chooses from
    assert not hasattr(Page, "model_fields")


def test_every_option_of_a_field_is_known_afterwards():
    class Thing(Schema, table="things", prefix="p"):
        key: Field[str] = field(primary_key=True, autogenerate=lambda: "k")
        made: Field[int] = primary_key(source="made_by")
        secret: Field[str] = field(redact=True, read_after_writes=True, source="s")
        extra: Field[str] = field(virtual=True, default="")
        at: Field[datetime] = field(default_factory=datetime.now)

    info = schema_info(Thing)
    assert (info.table, info.prefix, info.primary_key) == ("things", "p", ("key", "made"))
    assert info.virtual_names == ("extra",)
    assert info.redacted == {"secret"}
    assert info.read_back == ("made", "secret")
    assert info.insert_only == {"made"}
    assert [name for name, _ in info.autogenerated] == ["key"]
    assert (info.field("made").source, info.field("secret").source) == ("made_by", "s")
    assert repr(info) == "<schema Thing>"


def test_names_that_a_schema_does_not_have_are_corrected():
    with pytest.raises(SchemaError, match="field `titel` does not exist in Page\n\nhint: did you mean `title`"):
        schema_info(Page).field("titel")
    with pytest.raises(SchemaError, match="association `author` does not exist in Page"):
        schema_info(Page).association("author")
    with pytest.raises(SchemaError, match="a schema class was expected, got 3"):
        schema_info(3)


def test_annotations_are_only_that():
    with pytest.raises(SchemaError, match="Field is an annotation of a schema's member"):
        Field().__get__(None, Page)
    with pytest.raises(SchemaError, match="structs are frozen"):
        Field().__set__(None, 1)  # type: ignore[arg-type]
    with pytest.raises(SchemaError, match="BelongsTo is an annotation of a schema's member"):
        BelongsTo().__get__(None, Page)
    with pytest.raises(SchemaError, match="structs are frozen"):
        HasMany().__set__(None, [])  # type: ignore[arg-type]


# --- base classes -----------------------------------------------------------------------------------------------------


def test_a_base_class_carries_its_options_down():
    registry = Registry()

    class Base(Schema, abstract=True, registry=registry, prefix="tenant"):
        def greet(self) -> str:
            return "hello"

    class Deeper(Base, abstract=True):
        pass

    class Guest(Deeper, table="guests"):
        id: Field[int] = primary_key()

    class Host(Deeper, table="hosts", prefix="other"):
        id: Field[int] = primary_key()

    assert (Guest.__schema__.prefix, Host.__schema__.prefix) == ("tenant", "other")
    assert Guest.__schema__.registry is registry
    assert registry.find("Guest") is Guest
    assert registry.find("Base") is None
    assert Guest(id=1).greet() == "hello"


def test_an_association_is_a_path_on_the_class():
    class Base(Schema, abstract=True, registry=Registry()):
        pass

    class Owner(Base, table="owners"):
        id: Field[int] = primary_key()
        pets: HasMany["Pet"] = has_many()

    class Pet(Base, table="pets"):
        id: Field[int] = primary_key()
        owner_id: Field[int]
        owner: BelongsTo[Owner] = belongs_to()

    assert isinstance(Owner.pets, Rel)
    assert repr(Owner.pets / Pet.owner) == "Owner.pets / Pet.owner"
    assert Owner.pets is Owner.pets


def test_the_clock_of_timestamps_is_aware():
    [(_, now), (_, again)] = Slim.__schema__.autogenerated
    assert now is again
    assert now().utcoffset() == timedelta(0)
    assert [name for name, _ in Slim.__schema__.autoupdated] == ["updated_at"]
