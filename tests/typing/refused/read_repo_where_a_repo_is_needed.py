from ectype import ReadRepo, Repo


def writes(repo: Repo) -> None: ...


def work(repo: ReadRepo) -> None:
    writes(repo)  # refused
