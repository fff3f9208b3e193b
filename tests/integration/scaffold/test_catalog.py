"""What each reader says of the shop, as data."""

import pytest

from ectype.adapters.registry import adapter_for
from ectype.errors import ConfigError
from ectype.migrations.catalog import (
    IndexPart,
    StoredCheck,
    StoredColumn,
    StoredForeignKey,
    StoredIndex,
    StoredKey,
)
from ectype.migrations.catalog_reading import catalog_of
from tests.integration.scaffold.conftest import is_postgres


@pytest.fixture
async def catalog(shop_url):
    return await catalog_of(adapter_for(shop_url))


def table_of(catalog, name):
    return next(table for table in catalog.tables if table.name == name)


def column_of(catalog, table, name):
    return next(column for column in table_of(catalog, table).columns if column.name == name)


async def test_tables_keys_and_actions_are_read(catalog):
    names = [table.name for table in catalog.tables]
    assert names == sorted(names)
    assert {"Odd Names", "naïve Straße", "log"} <= set(names)
    assert not {"loud", "found", "found_data", "places_2026", "sqlite_sequence"} & set(names)
    assert table_of(catalog, "orders").primary_key.columns == ("number", "tenant")
    assert table_of(catalog, "log").primary_key is None
    (profile,) = table_of(catalog, "profiles").foreign_keys
    assert (profile.columns, profile.table, profile.references) == (("user_id",), "users", ("id",))
    assert (profile.on_delete, profile.on_update) == ("cascade", "nothing")
    composite = next(one for one in table_of(catalog, "order_items").foreign_keys if len(one.columns) == 2)
    assert (composite.columns, composite.references) == (("order_number", "order_tenant"), ("number", "tenant"))
    assert [key.columns for key in table_of(catalog, "naïve Straße").uniques] == [("odd Id",)]


async def test_computed_columns_checks_and_indexes_are_read(catalog, shop_url):
    product = table_of(catalog, "products")
    slug = column_of(catalog, "products", "slug")
    assert (slug.generated, slug.expression, slug.default) == ("stored", "lower(name)", None)
    (index,) = product.indexes
    assert index.parts == (IndexPart("lower(name)", is_column=False), IndexPart("price", descending=True))
    if is_postgres(shop_url):
        assert index == StoredIndex("products_lower", index.parts, where="price > 0::numeric", include=("stock",))
        assert StoredCheck("price >= 0::numeric", "fair") in product.checks
    else:
        assert index == StoredIndex("products_lower", index.parts, where="price > 0")
        assert product.checks == (StoredCheck("weight > 0"), StoredCheck("price >= 0 AND name <> ')'", "fair"))
        assert column_of(catalog, "products", "loud").generated == "virtual"


@pytest.mark.parametrize("database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
async def test_domains_enums_comments_and_numbers_of_postgresql(catalog, shop_url):
    assert column_of(catalog, "users", "email") == StoredColumn("email", "email", "text", nullable=False)
    assert column_of(catalog, "users", "past_roles").enum == ("public", "role")
    assert [(one.schema, one.name) for one in catalog.enums] == [("geo", "kind"), ("public", "role")]
    assert table_of(catalog, "users").comment == "People who can sign in."
    assert column_of(catalog, "users", "manager_id").comment.startswith("The one")
    found = [column_of(catalog, table, "id").identity for table in ("users", "order_items", "categories", "products")]
    assert found == ["by default", "always", "sequence", None]
    assert table_of(catalog, "users").uniques == (StoredKey(("email",), "users_email_key"),)
    region = StoredForeignKey(("region_id",), "regions", ("id",), "geo", name="users_region_id_fkey")
    assert region in table_of(catalog, "users").foreign_keys
    other = await catalog_of(adapter_for(shop_url), "geo")
    assert [table.name for table in other.tables] == ["regions"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_row_ids_collations_and_names_of_sqlite(catalog):
    tables = ("users", "labels", "field", "friendships")
    found = [table_of(catalog, name).columns[0].identity for name in tables]
    assert found == ["rowid", None, None, None]
    assert [(table_of(catalog, name).strict, table_of(catalog, name).row_ids) for name in tables] == [
        (True, True),
        (True, True),
        (False, True),
        (False, False),
    ]
    assert column_of(catalog, "users", "email").collation == "NOCASE"
    assert [one.name for one in table_of(catalog, "order_items").foreign_keys] == [None, "ordered"]


async def test_a_schema_that_is_not_there_is_named(shop_url):
    with pytest.raises(ConfigError, match="nowhere"):
        await catalog_of(adapter_for(shop_url), "nowhere")
