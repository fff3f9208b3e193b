import pytest
from hypothesis import given
from hypothesis import strategies as st

from ectype import POSTGRES, BelongsTo, Field, HasMany, QueryError, Schema, belongs_to, field, has_many, primary_key
from ectype.query.associated import sorted_keys
from ectype.repo.attaching import attach, keyed
from ectype.repo.paths import merge
from ectype.repo.preloader import copies
from ectype.repo.related import related_query
from ectype.schema.rel import PLAIN


class Owner(Schema, table="owners"):
    id: Field[int] = primary_key()
    pets: "HasMany[Pet]" = has_many()


class Pet(Schema, table="pets"):
    id: Field[int] = primary_key()
    name: Field[str]
    owner_id: Field[int | None]
    owner: BelongsTo[Owner | None] = belongs_to()
    toys: "HasMany[Toy]" = has_many()


class Toy(Schema, table="toys"):
    pet_id: Field[int] = field(primary_key=True)
    number: Field[int] = field(primary_key=True)


OWNER, PET = Owner.__schema__, Pet.__schema__
PETS, OF, TOYS = OWNER.associations["pets"], PET.associations["owner"], PET.associations["toys"]


def text_of(association, path, keys):
    text, params = related_query(association, path.hops[-1].custom, keys).to_sql(POSTGRES)
    return text.replace('"', ""), params


def test_paths_with_equal_beginnings_become_one_tree():
    tree = merge(OWNER, [Owner.pets, Owner.pets / Pet.toys, Owner.pets / Pet.owner / Owner.pets])
    assert list(tree) == ["pets"]
    assert list(tree["pets"].branches) == ["toys", "owner"]
    assert list(tree["pets"].branches["owner"].branches) == ["pets"]
    assert tree["pets"].custom is PLAIN
    assert merge(OWNER, []) == {}


def test_a_narrowed_path_narrows_the_plain_ones_beside_it_whatever_their_order():
    narrowed = Owner.pets.where(Pet.name == "Rex")
    for paths in ([narrowed, Owner.pets / Pet.toys], [Owner.pets / Pet.toys, narrowed], [narrowed, narrowed]):
        (branch,) = merge(OWNER, paths).values()
        assert branch.custom is narrowed.hops[-1].custom
    again = Owner.pets.where(Pet.name == "Rex")
    assert merge(OWNER, [narrowed, again])["pets"].custom is narrowed.hops[-1].custom


def test_two_ways_to_narrow_one_step_are_refused_with_both_as_code():
    with pytest.raises(QueryError) as caught:
        merge(
            OWNER, [Owner.pets.where(Pet.name == "Rex"), Owner.pets.where(Pet.name == "Tom").order_by(Pet.id).limit(3)]
        )
    assert str(caught.value) == (
        "`Owner.pets` is customised in two ways in one preload: `Owner.pets.where(Pet.name == 'Rex')` and "
        "`Owner.pets.where(Pet.name == 'Tom').order_by(Pet.id).limit(3)`\n\n"
        "hint: say it once, on the first path through it"
    )


def test_the_related_rows_of_all_owners_are_one_query():
    assert text_of(PETS, Owner.pets, [1, 2]) == (
        "SELECT p0.id, p0.name, p0.owner_id FROM pets AS p0 WHERE p0.owner_id = ANY($1) ORDER BY p0.id",
        ([1, 2],),
    )
    assert text_of(OF, Pet.owner, [7]) == (
        "SELECT o0.id FROM owners AS o0 WHERE o0.id = ANY($1)",
        ([7],),
    )


def test_a_limit_is_counted_for_each_owner():
    text, params = text_of(PETS, Owner.pets.where(Pet.name != "x").order_by(Pet.name.desc()).limit(2), [1])
    assert "row_number() OVER (PARTITION BY" in text
    assert params == ([1], "x", 2)
    text, _ = text_of(TOYS, Pet.toys.limit(1), [1])
    assert "JOIN (SELECT" in text
    assert "ON (r1.key0 = t0.pet_id) AND (r1.key1 = t0.number) WHERE r1.rank <= $2 ORDER BY r1.rank" in text


def test_keys_come_in_order_where_they_have_one():
    assert sorted_keys({3, 1, 2}) == [1, 2, 3]
    assert set(sorted_keys({1, "a"})) == {1, "a"}


def test_copies_share_nothing_that_a_preload_would_fill():
    pet = Pet(id=1, name="Rex", owner_id=1, toys=[])
    owner = Owner(id=1, pets=[pet])
    (copy, none) = copies([owner, None], merge(OWNER, [Owner.pets / Pet.toys]))
    assert none is None
    assert copy == owner
    assert copy is not owner
    assert copy.pets is not owner.pets
    assert copy.pets[0] is not pet
    assert copy.pets[0].toys is not pet.toys
    (shallow,) = copies([owner], {})
    assert shallow.pets is owner.pets


@given(
    st.lists(st.integers(1, 5), max_size=6),
    st.lists(st.sampled_from([1, 2, 3, 4, 5, 6, None]), max_size=12),
)
def test_each_owner_gets_its_own_in_the_order_of_the_query_and_each_pet_its_owner(owner_ids, pet_owners):
    owners = copies([Owner(id=number) for number in owner_ids], {})
    pets = [Pet(id=index, name="x", owner_id=owner) for index, owner in enumerate(pet_owners)]
    attach(owners, PETS, keyed(PETS, pets))
    for owner in owners:
        assert [pet.id for pet in owner.pets] == [pet.id for pet in pets if pet.owner_id == owner.id]
    assert len({id(owner.pets) for owner in owners}) == len(owners)
    attach(pets, OF, keyed(OF, owners))
    for pet in pets:
        assert pet.owner == (Owner(id=pet.owner_id) if pet.owner_id in owner_ids else None)
