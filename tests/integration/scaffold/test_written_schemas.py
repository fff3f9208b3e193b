"""What was written is used: every association is followed, rows of every kind go in and come back."""

from datetime import date, time, timedelta
from decimal import Decimal
from ipaddress import IPv4Address
from uuid import UUID, uuid4

import pytest

from ectype import Range, Schema, alias, change, from_
from ectype.schema.meta import SchemaInfo


def schemas_of(module):
    found = [one for one in vars(module).values() if isinstance(getattr(one, "__schema__", None), SchemaInfo)]
    return [one for one in found if isinstance(one, type) and issubclass(one, Schema) and one.__schema__.table]


def links_of(schema):
    return [getattr(schema, name) for name in schema.__schema__.associations]


async def test_every_schema_is_read_with_each_of_its_associations(shop, repo):
    schemas = schemas_of(shop)
    assert len(schemas) >= 13
    followed = 0
    for schema in schemas:
        links = links_of(schema)
        followed += len(links)
        assert await repo.all(from_(schema).preload(*links)) == []
        for link in links:
            related = alias(link.hops[0].association.related.schema, "related")
            assert await repo.all(from_(schema).join(link, as_=related)) == []
    assert followed >= 28


async def people(shop, repo):
    boss = await repo.insert(shop.User(email="boss@example.org"))
    ada = await repo.insert(shop.User(email="ada@example.org", manager_id=boss.id))
    return boss, ada


async def test_rows_tied_by_every_kind_of_key_are_found_from_both_sides(shop, repo):
    boss, ada = await people(shop, repo)
    await repo.insert(shop.Profile(user_id=ada.id, bio="counts"))
    await repo.insert(shop.Friendship(user_id=ada.id, friend_id=boss.id))
    product = await repo.insert(_product(shop))
    await repo.insert(shop.Label(code="new"))
    await repo.insert(shop.ProductLabel(product_id=product.id, label_code="new"))
    order = await repo.insert(shop.Order(number=7, tenant=1, user_id=ada.id, approver_id=boss.id))
    item = await repo.insert(shop.OrderItem(order_number=7, order_tenant=1, product_id=product.id))

    user = shop.User
    found = await repo.one(
        from_(user)
        .where(user.id == ada.id)
        .preload(user.manager, user.profile, user.friends, user.orders_by_user / shop.Order.order_items)
    )
    assert (found.manager.email, found.profile.bio) == ("boss@example.org", "counts")
    assert [friend.id for friend in found.friends] == [boss.id]
    assert [one.id for order in found.orders_by_user for one in order.order_items] == [item.id]
    back = await repo.preload(
        boss, user.users_by_manager, user.users, user.friendships_by_friend, user.orders_by_approver, user.profile
    )
    assert [one.id for one in back.users_by_manager] == [one.id for one in back.users] == [ada.id]
    assert [one.user_id for one in back.friendships_by_friend] == [ada.id]
    assert [one.number for one in back.orders_by_approver] == [7]
    assert back.profile is None
    label = await repo.one(from_(shop.Label).preload(shop.Label.products))
    assert [(one.id, one.name) for one in label.products] == [(product.id, "Red Chair")]
    assert (await repo.get(shop.Order, (7, 1))) == order
    assert (await repo.preload(item, shop.OrderItem.order)).order.user_id == ada.id


def _product(shop, **values):
    fields = shop.Product.__schema__.declarations
    common = {"id": uuid4(), "name": "Red Chair", "price": Decimal("9.50"), "from_": time(9, 30)}
    return shop.Product(**{name: value for name, value in {**common, **values}.items() if name in fields})


async def test_what_the_database_fills_is_read_back_and_what_is_given_comes_back(shop, repo):
    values = {
        "tags": ["oak"],
        "details": {"legs": 4},
        "history": [1, {"a": None}],
        "open_to": Range(date(2026, 1, 1), date(2026, 2, 1)),
        "address": IPv4Address("10.0.0.1"),
        "card": "08:00:2b:01:02:03",
        "spent": timedelta(hours=3),
        "weight": 2.5,
    }
    given = _product(shop, **values)
    stored = await repo.insert(given)
    assert (stored.slug, stored.sold, stored.stock) == ("red chair", False, -1)
    found = await repo.get(shop.Product, stored.id)
    assert found == stored
    assert (found.price, found.from_, found.weight, found.details) == (Decimal("9.50"), time(9, 30), 2.5, {"legs": 4})
    for name in values.keys() & shop.Product.__schema__.declarations:
        assert getattr(found, name) == values[name]
    changed = await repo.update(change(found).put_change(shop.Product.name, "Blue Chair"))
    assert changed.slug == "blue chair"


@pytest.mark.parametrize("database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
async def test_enums_arrays_and_generated_keys_of_postgresql(shop, repo):
    role = shop.Role
    assert [(one.name, one.value) for one in role] == [
        ("MEMBER", "member"),
        ("ADMIN", "admin"),
        ("VALUE_2ND_LEVEL", "2nd level"),
        ("ON_CALL", "on-call"),
        ("ON_CALL_2", "On Call"),
    ]
    user = shop.User(email="a@example.org", past_roles=[role.ON_CALL, role.ON_CALL_2], area=shop.Kind.SEA)
    found = await repo.get(shop.User, (await repo.insert(user)).id)
    assert (found.role, found.past_roles, found.area) == (role.MEMBER, [role.ON_CALL, role.ON_CALL_2], shop.Kind.SEA)
    assert await repo.all(from_(shop.User).where(shop.User.role == role.ADMIN)) == []
    product = await repo.insert(shop.Product(name="Table"))
    assert isinstance(product.id, UUID)
    line = await repo.insert(shop.Log(line="x"))
    assert line.at is not None


async def test_columns_with_names_that_python_does_not_take(shop, repo):
    boss, _ = await people(shop, repo)
    odd = shop.OddName
    values = {"class_": 3, "date_": date(2026, 1, 2), "naïve": "ü", "column_2nd": "two", "column": "%", "field_": "f"}
    values |= {"a_b": "q", "class_2": 4, "hidden": "h", "self_": "s", "user_id": boss.id, "first_name": "Ada"}
    stored = await repo.insert(odd(**values))
    found = await repo.one(from_(odd).where(odd.a_b == "q", odd.class_ == 3).preload(odd.user))
    assert {name: getattr(found, name) for name in values} == values
    assert (found.id, found.int_, found.user.id) == (stored.id, 7, boss.id)
    street = await repo.insert(shop.NaïveStraße(id=1, odd_id=found.id))
    assert (await repo.preload(found, odd.naïve_straße)).naïve_straße == street


async def test_a_table_without_a_key_is_read_and_inserted(shop, repo):
    await repo.insert(shop.Log(line="first"))
    assert [one.line for one in await repo.all(from_(shop.Log))] == ["first"]
