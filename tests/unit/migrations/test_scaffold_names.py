"""Any name of a database becomes a name of Python, and what was read of it stays to be found."""

import keyword
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ectype.migrations.scaffold import naming
from ectype.migrations.scaffold.plan import RESERVED_MEMBERS

# What both databases take for a name: any text without NUL; surrogates are no text.
NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=20)


@given(st.lists(NAMES, unique=True, min_size=1, max_size=8))
@example(["class", "class_", "Class", "CLASS_", "_class"])
@example(["ﬁ", "fi", "FI", "İ", "i̇", "ß", "SS", "ŉ"])
@example(["int", "int_", "int_2", "field", "%", "&", "2", "__", "mro"])
def test_every_column_gets_a_member_of_its_own(columns):
    made = naming.members(columns, RESERVED_MEMBERS)
    assert list(made) == columns
    members = list(made.values())
    assert len(set(members)) == len(members)
    for name in members:
        assert name.isidentifier()
        assert name == unicodedata.normalize("NFKC", name), "Python would read another name"
        assert not name.startswith("_")
        assert not keyword.iskeyword(name)
        assert name not in RESERVED_MEMBERS


@given(st.lists(NAMES, unique=True, min_size=1, max_size=8))
def test_a_name_does_not_depend_on_the_order_in_which_plain_columns_stand(columns):
    plain = [name for name in columns if naming.identifier(name, "column") == name and not keyword.iskeyword(name)]
    made = naming.members(columns, ())
    assert {name: made[name] for name in plain} == {name: name for name in plain}


@given(NAMES)
def test_every_table_gets_a_class(name):
    made = naming.class_name(name)
    assert made.isidentifier()
    assert made == unicodedata.normalize("NFKC", made)
    assert not made.startswith("_")
    assert naming.snake(made).isidentifier()
    assert naming.plural_snake(made).isidentifier()


@given(st.lists(NAMES, min_size=1, max_size=5), st.sets(NAMES, max_size=5))
def test_a_free_name_is_not_taken(candidates, taken):
    found = naming.first_free(candidates, taken)
    assert naming.is_free(found, taken)
    assert found in candidates or all(not naming.is_free(one, taken) for one in candidates)


SINGULARS = {
    "users": "User",
    "order_items": "OrderItem",
    "categories": "Category",
    "people": "Person",
    "boxes": "Box",
    "glasses": "Glass",
    "status": "Status",
    "statuses": "Status",
    "news": "News",
    "series": "Series",
    "movies": "Movie",
    "houses": "House",
    "bus": "Bus",
    "USERS": "User",
    "UserAccounts": "UserAccount",
    "blog posts": "BlogPost",
    "api_v2_keys": "ApiV2Key",
    "2fa_codes": "Table2faCode",
    "größen": "Größen",
    "顧客": "顧客",
    "%": "Table",
}


@pytest.mark.parametrize(("table", "name"), SINGULARS.items())
def test_a_class_is_named_after_one_row(table, name):
    assert naming.class_name(table) == name


@pytest.mark.parametrize(
    ("name", "many"),
    {"OrderItem": "order_items", "Person": "people", "Day": "days", "Category": "categories", "News": "news"}.items(),
)
def test_many_rows_are_named_in_the_plural(name, many):
    assert naming.plural_snake(name) == many
