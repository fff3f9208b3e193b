from ectype import Repo
from tests.typing.accepted.library import Book


def work(repo: Repo) -> None:
    repo.stream(Book, batch="many")  # refused
