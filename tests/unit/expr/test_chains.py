"""Chains of `&` and `|`: however they are put together, they mean the same, in the same order, and are not deep."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ectype import Field, Schema, and_, or_, primary_key
from ectype.expr.nodes import LONG_CHAIN, Binary


class Row(Schema, table="rows"):
    id: Field[int] = primary_key()
    n: Field[int]


def depth(node: Any) -> int:
    return 1 + max(depth(node.left), depth(node.right)) if isinstance(node, Binary) and node.op in ("AND", "OR") else 0


def leaves(node: Any) -> list[str]:
    """The operators of the comparisons, in their order."""
    return leaves(node.left) + leaves(node.right) if node.op in ("AND", "OR") else [node.op]


def term(number: int) -> Any:
    """A condition that tells its place by its operator and its value."""
    return (Row.n == number, Row.n > number, Row.n <= number)[number % 3]


def operators(count: int) -> list[str]:
    return [("=", ">", "<=")[number % 3] for number in range(count)]


def says(node: Any, values: Any) -> bool:
    """What a tree says where each of its comparisons holds as its value does."""
    if isinstance(node, Binary) and node.op in ("AND", "OR"):
        left, right = says(node.left, values), says(node.right, values)
        return (left and right) if node.op == "AND" else (left or right)
    return next(values)


Pieces = st.lists(st.tuples(st.integers(1, 400), st.sampled_from(["left", "right", "pairs"])), min_size=1, max_size=8)


@settings(max_examples=60)
@given(pieces=Pieces, truth=st.randoms(use_true_random=False), op=st.sampled_from(["AND", "OR"]))
def test_a_long_chain_keeps_its_order_and_its_meaning_and_is_not_deep(pieces: Any, truth: Any, op: str) -> None:
    number = 0
    chain: Any = None

    def join(left: Any, right: Any) -> Any:
        return left & right if op == "AND" else left | right

    for count, way in pieces:
        made: Any = None
        for place in range(count):
            one = term(number + place if way != "right" else number + count - 1 - place)
            made = one if made is None else join(one, made) if way == "right" else join(made, one)
        number += count
        if chain is None:
            chain = made
        elif way == "pairs":
            chain = join(join(chain, made), term(number))
            number += 1
        else:
            chain = join(chain, made)
    assert chain.params == tuple(range(number))
    assert leaves(chain.node) == operators(number)
    assert depth(chain.node) <= LONG_CHAIN + 2 * number.bit_length() + len(pieces)
    held = [truth.random() < (0.999 if op == "AND" else 0.001) for _ in range(number)]
    assert says(chain.node, iter(held)) is (all(held) if op == "AND" else any(held))


def test_a_short_chain_stands_as_it_was_written() -> None:
    terms = [Row.n == number for number in range(LONG_CHAIN + 1)]
    assert depth(or_(*terms).node) == LONG_CHAIN
    assert depth(or_(*terms, Row.n == 0).node) == LONG_CHAIN


def test_each_operator_has_a_chain_of_its_own() -> None:
    mixed = and_(*[or_(*[term(number) for number in range(100)]) for _ in range(100)])
    assert leaves(mixed.node) == operators(100) * 100
    assert depth(mixed.node) < 4 * LONG_CHAIN
    assert mixed.params == tuple(range(100)) * 100


def test_a_long_chain_is_one_shape() -> None:
    terms = [Row.n == number for number in range(500)]
    assert or_(*terms).node is or_(*terms).node
