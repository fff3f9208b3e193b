from typing import Any

from ectype import Query, QueryContext, Repo


def hook(query: Query[Any, Any, Any], context: QueryContext) -> None: ...


Repo("sqlite:///x.db", prepare_query=hook)  # refused
