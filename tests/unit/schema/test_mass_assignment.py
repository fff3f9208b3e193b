"""Whatever params hold, only permitted fields change: of the struct, of what is associated with it, and of embeds."""

from collections.abc import Iterator, Mapping
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ectype import (
    BelongsTo,
    Changeset,
    EmbeddedSchema,
    EmbedsMany,
    EmbedsOne,
    Field,
    HasMany,
    HasOne,
    ManyToMany,
    Registry,
    Schema,
    belongs_to,
    change,
    embeds_many,
    embeds_one,
    field,
    has_many,
    has_one,
    many_to_many,
    primary_key,
    with_meta,
)


class Bank(Schema, abstract=True, registry=Registry()):
    """Apart from the schemas of other tests."""


class Stamp(EmbeddedSchema):
    colour: Field[str | None] = field(default=None)
    worth: Field[int] = field(default=1)


class Client(Bank, table="clients"):
    id: Field[int] = primary_key()
    name: Field[str | None] = field(default=None)
    admin: Field[bool] = field(default=False)
    stamp: "EmbedsOne[Stamp | None]" = embeds_one(on_replace="delete")
    accounts: "HasMany[Account]" = has_many(on_replace="delete")
    secret: "HasOne[Secret | None]" = has_one(on_replace="delete")
    roles: "ManyToMany[Role]" = many_to_many(through="clients_roles", on_replace="delete")


class Account(Bank, table="accounts"):
    id: Field[int] = primary_key()
    label: Field[str | None] = field(default=None)
    balance: Field[int] = field(default=0)
    client_id: Field[int | None] = field(default=None)
    client: BelongsTo[Client | None] = belongs_to(on_replace="nilify")
    stamps: "EmbedsMany[Stamp]" = embeds_many()


class Secret(Bank, table="secrets"):
    id: Field[int] = primary_key()
    text: Field[str | None] = field(default=None)
    client_id: Field[int | None] = field(default=None)


class Role(Bank, table="roles"):
    id: Field[int] = primary_key()
    name: Field[str | None] = field(default=None)


PERMITTED: dict[type[Any], set[str]] = {
    Client: {"name", "stamp", "accounts"},
    Account: {"label", "stamps"},
    Stamp: {"colour"},
}


def stamped(stamp: Stamp, params: Mapping[str, object]) -> Changeset[Stamp]:
    return change(stamp).cast(params, Stamp.colour)


def booked(account: Account, params: Mapping[str, object]) -> Changeset[Account]:
    return change(account).cast(params, Account.label).cast_embed(Account.stamps, with_=stamped)


def edited(client: Client, params: Mapping[str, object]) -> Changeset[Client]:
    made = change(client).cast(params, Client.name).cast_embed(Client.stamp, with_=stamped)
    return made.cast_assoc(Client.accounts, with_=booked, sort_param="sort", drop_param="drop")


def loaded(struct: Any) -> Any:
    return with_meta(struct, state="loaded")


def client() -> Client:
    accounts = [loaded(Account(id=key, label="l", balance=7, client_id=1, stamps=[])) for key in (1, 2)]
    held = Client(id=1, name="n", stamp=loaded(Stamp(colour="c", worth=5)), accounts=accounts, secret=None, roles=[])
    return loaded(held)


NAMES = sorted(
    {name for one in (Client, Account, Secret, Role, Stamp) for name in one.__schema__.field_names}
    | {"accounts", "client", "secret", "roles", "_meta", "__class__", "_assoc_secret", "action", "state"}
)
KEPT = [(1, 7, 1), (2, 7, 1)]
"""What params must leave alone of the accounts that are there: key, balance and owner."""
SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "1", "2", "x", "delete", "loaded"])
JUNK = st.dictionaries(st.sampled_from(NAMES), SCALARS, max_size=5)


def listed(entry: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return what params of many entries may be: a list, an object by index, or nonsense."""
    return st.lists(entry, max_size=3) | st.dictionaries(st.sampled_from("012x"), entry, max_size=3) | SCALARS


def form(schema: type[Any], **members: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return params that try every field of a schema, with these members, among junk."""
    fields = {**dict.fromkeys(schema.__schema__.column_names, SCALARS), **members}
    return st.builds(lambda junk, tried: {**junk, **tried}, JUNK, st.fixed_dictionaries(fields))


KEYS = st.sampled_from([1, "2", 9, "x", None])
STAMPS = form(Stamp)
ACCOUNTS = form(Account, id=KEYS, stamps=listed(STAMPS), client=JUNK)
PARAMS = form(
    Client,
    id=KEYS,
    stamp=STAMPS,
    accounts=st.lists(ACCOUNTS, min_size=1, max_size=3) | listed(ACCOUNTS),
    secret=JUNK,
    roles=listed(JUNK),
    sort=listed(SCALARS),
)


def inside(changeset: Changeset[Any]) -> Iterator[Changeset[Any]]:
    """Yield a changeset and all that are inside it."""
    yield changeset
    for value in changeset.changes.values():
        for child in value if isinstance(value, tuple) else (value,):
            if isinstance(child, Changeset):
                yield from inside(child)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(PARAMS, st.booleans())
def test_whatever_is_sent_only_permitted_fields_change_however_deep(params: dict[str, Any], new: bool):
    before = Client() if new else client()
    changeset = edited(before, params)
    for one in inside(changeset):
        assert set(one.changes) <= PERMITTED[one.info.schema]
        if one.info.schema is Account and one.action in ("update", "delete"):
            assert one.data.client_id == 1
    after = changeset.apply_changes()
    assert (getattr(after, "id", None), after.admin) == (None if new else 1, False)
    assert after.stamp is None or after.stamp.worth in ((1,) if new else (1, 5))
    accounts = after.accounts if not new or "accounts" in changeset.changes else []
    for account in accounts:
        key = getattr(account, "id", None)
        assert (key, account.balance, account.client_id) in [(None, 0, None), *([] if new else KEPT)]
        assert all(stamp.worth == 1 for stamp in account.stamps)
    if not new:
        assert (after.secret, after.roles) == (None, [])
