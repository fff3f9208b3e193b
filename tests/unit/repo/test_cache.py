from hypothesis import given
from hypothesis import strategies as st

from ectype.repo.cache import PlanCache


def test_what_was_put_is_found_and_what_was_not_is_none():
    cache: PlanCache[str] = PlanCache(3)
    assert cache.put("a", "plan a") == "plan a"
    assert (cache.get("a"), cache.get("b"), len(cache)) == ("plan a", None, 1)


def test_a_second_value_for_a_key_replaces_the_first():
    cache: PlanCache[int] = PlanCache(1)
    for value in range(5):
        cache.put("a", value)
    assert cache.get("a") == 4


def test_what_is_used_stays_and_what_is_not_is_forgotten():
    cache: PlanCache[int] = PlanCache(10)
    cache.put("used", 0)
    cache.put("unused", 0)
    for number in range(100):
        cache.put(number, number)
        assert cache.get("used") == 0
    assert cache.get("unused") is None
    assert cache.evictions > 0


@given(st.integers(1, 6), st.lists(st.tuples(st.booleans(), st.integers(0, 12)), max_size=80))
def test_it_holds_at_most_twice_its_size_and_always_the_keys_that_were_touched_last(size, steps):
    cache: PlanCache[int] = PlanCache(size)
    touched: list[int] = []
    known: set[int] = set()
    for put, key in steps:
        if put:
            cache.put(key, -key)
            known.add(key)
        found = cache.get(key)
        assert found == -key if put else found in (None, -key)
        if found is not None:
            touched = [key, *(one for one in touched if one != key)]
        assert len(cache) <= 2 * size
    for key in touched[:size]:
        assert cache.get(key) == -key
    assert all(cache.get(key) is None for key in range(13) if key not in known)
