from tests.typing.accepted.library import Book, Loan

from ectype import Repo, from_


async def explain(repo: Repo) -> None:
    await repo.explain(from_(Book), Loan.id.set(3))  # refused
