from ectype import Repo
from tests.typing.accepted.library import Book, Shelf


async def write(repo: Repo, book: Book) -> None:
    await repo.insert(book, returning=Shelf.id)  # refused
