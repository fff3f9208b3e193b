"""Any nesting of blocks, one after the other and side by side, stores what a model says it stores."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ectype.errors import ConstraintError, TransactionAbortedError
from ectype.repo.block import Transaction
from tests.integration.repo.notes import Notes

KEPT, RAISED, ROLLED_BACK, ABORTED = "kept", "raised", "rolled back", "aborted"


@dataclass(frozen=True)
class Block:
    """What a block does before it ends: writes (None), blocks inside it, and both side by side (a tuple of them)."""

    end: str
    steps: tuple["Block | tuple[Block | None, ...] | None", ...]


class Undone(Exception):
    pass


def blocks(inner: st.SearchStrategy[Block]) -> st.SearchStrategy[Block]:
    step = st.none() | inner | st.lists(st.none() | inner, min_size=2, max_size=4).map(tuple)
    return st.builds(
        Block, st.sampled_from([KEPT, KEPT, RAISED, ROLLED_BACK, ABORTED]), st.lists(step, max_size=4).map(tuple)
    )


PROGRAMS = st.recursive(st.builds(Block, st.sampled_from([KEPT, RAISED]), st.just((None,))), blocks, max_leaves=12)


@dataclass
class Told:
    """What callbacks were told: the numbers that were stored, and those that were undone."""

    stored: list[int]
    undone: list[int]


async def write(notes: Notes, numbers: Iterator[int], told: Told) -> set[int]:
    number = next(numbers)
    notes.session.after_commit(lambda: told.stored.append(number))
    notes.session.after_rollback(lambda: told.undone.append(number))
    await notes.add(number)
    return {number}


async def run(notes: Notes, block: Block | None, numbers: Iterator[int], told: Told) -> set[int]:
    """Run a block and return what the model says is stored of it, if all around it is."""
    if block is None:
        return await write(notes, numbers, told)
    stored: set[int] = set()
    try:
        async with notes.session.transaction() as tx:
            for step in block.steps:
                if isinstance(step, tuple):
                    stored |= set().union(*await asyncio.gather(*(run(notes, one, numbers, told) for one in step)))
                else:
                    stored |= await run(notes, step, numbers, told)
            await leave(notes, tx, block.end)
    except (Undone, TransactionAbortedError):
        assert block.end in (RAISED, ABORTED)
    assert tx.rolled_back == (block.end != KEPT)
    return stored if block.end == KEPT else set()


async def leave(notes: Notes, tx: Transaction, end: str) -> None:
    if end == RAISED:
        raise Undone
    if end == ROLLED_BACK:
        tx.rollback()
    if end == ABORTED:
        with suppress(ConstraintError):
            await notes.add(0)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(program=PROGRAMS)
async def test_what_is_stored_is_what_the_model_says(notes: Notes, program: Block):
    """Row 38 of the list of hazards: an error in a savepoint, in any nesting."""
    await notes.session.execute("DELETE FROM notes")
    await notes.add(0)
    numbers, told = count(1), Told([], [])
    expected = await run(notes, program, numbers, told)
    assert set(await notes.ids()) == expected | {0}
    # Every write is told of once, and by the callback that is true of it.
    assert sorted(told.stored) == sorted(expected)
    assert sorted(told.undone) == sorted(set(range(1, next(numbers))) - expected)
    assert notes.pool.report().in_use == 0
