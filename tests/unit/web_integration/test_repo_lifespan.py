from types import TracebackType
from urllib.parse import urlsplit, urlunsplit

import pytest

from ectype import Repo as EctypeRepo
from ectype.errors import ConnectError
from ectype.web_integration import repo_lifespan


class Repo:
    """Stands where a repo stands: an asynchronous context manager that writes down what happens to it."""

    def __init__(self, name: str, log: list[str], *, fails: bool = False) -> None:
        self.name, self.log, self.fails = name, log, fails

    async def __aenter__(self) -> "Repo":
        if self.fails:
            raise ConnectError(f"{self.name} is not there")
        self.log.append(f"open {self.name}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.log.append(f"close {self.name}")


async def test_repos_open_in_order_and_close_in_reverse() -> None:
    log: list[str] = []
    async with repo_lifespan(Repo("a", log), Repo("b", log))(object()):
        log.append("serve")
    assert log == ["open a", "open b", "serve", "close b", "close a"]


async def test_a_repo_that_cannot_be_opened_stops_the_start_and_the_others_are_closed() -> None:
    log: list[str] = []
    with pytest.raises(ConnectError, match="b is not there"):
        async with repo_lifespan(Repo("a", log), Repo("b", log, fails=True))(object()):
            pass
    assert log == ["open a", "close a"]


async def test_repos_close_when_the_application_fails() -> None:
    log: list[str] = []
    with pytest.raises(RuntimeError):
        async with repo_lifespan(Repo("a", log))(object()):
            raise RuntimeError
    assert log == ["open a", "close a"]


@pytest.mark.postgres
async def test_an_application_whose_database_is_not_there_does_not_start_and_says_what_makes_it(
    postgres_url: str,
) -> None:
    missing = urlunsplit(urlsplit(postgres_url)._replace(path="/ectype_no_such_database"))
    with pytest.raises(ConnectError, match="3D000") as caught:
        async with repo_lifespan(EctypeRepo(missing))(object()):
            pass
    assert "`ectype create`" in str(caught.value.hint)
