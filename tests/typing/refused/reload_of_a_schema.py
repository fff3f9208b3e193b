from ectype import Repo
from tests.typing.accepted.library import Book


async def work(repo: Repo) -> None:
    await repo.reload(Book)  # refused
