"""What ties repos to an application: opened when it starts, closed when it stops."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any, TypeAlias

from ectype.web_integration.bodies import refuse_struct_bodies

Lifespan: TypeAlias = Callable[[Any], AbstractAsyncContextManager[None]]


def repo_lifespan(*repos: AbstractAsyncContextManager[Any]) -> Lifespan:
    """Return a `lifespan` for Starlette that opens the repos in order and closes them in reverse.

    A repo that cannot be opened stops the application's start with its own error, after those before it were closed.
    Any asynchronous context manager will do. The start also stops at a route of FastAPI's that asks for a struct inside
    a model: no values from outside make one.

    Raises:
        SchemaError: at the start, for such a route.

        app = Starlette(routes=[...], lifespan=repo_lifespan(repo))
    """

    @asynccontextmanager
    async def lifespan(app: object) -> AsyncGenerator[None, None]:
        refuse_struct_bodies(app)
        async with AsyncExitStack() as stack:
            for repo in repos:
                await stack.enter_async_context(repo)
            yield

    return lifespan
