"""Databases for soaks: on the server that the tests would use, dropped at the end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.databases import PostgresServer


@asynccontextmanager
async def database() -> AsyncIterator[str]:
    """Give the URL of an empty PostgreSQL database, and drop it afterwards."""
    server = PostgresServer()
    try:
        url = await asyncio.to_thread(server.create_database)
        try:
            yield url
        finally:
            await asyncio.to_thread(server.drop_database, url)
    finally:
        await asyncio.to_thread(server.stop)
