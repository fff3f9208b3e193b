from ectype import ReadRepo
from tests.typing.accepted.library import Book


async def work(repo: ReadRepo) -> None:
    await repo.delete_all(Book)  # refused
