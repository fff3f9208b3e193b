"""TLS in front of the tests' PostgreSQL server: certificates made now, and what ends the encryption before it.

The embedded server is built without TLS. What stands here speaks the server's part of the start (SSLRequest, `S`) and
hands the decrypted bytes to the server itself.
"""

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

OPENSSL = shutil.which("openssl")
SSL_REQUEST = bytes.fromhex("0000000804d2162f")

needs_openssl = pytest.mark.skipif(OPENSSL is None, reason="openssl is not installed, so no certificate can be made")


@dataclass(frozen=True)
class Certificates:
    """The paths of an authority, of a server called `localhost`, and of a client whose key has a password."""

    authority: Path
    server: Path
    server_key: Path
    client: Path
    client_key: Path
    stranger: Path


def make_certificates(folder: Path, password: str) -> Certificates:
    assert OPENSSL is not None

    def run(*arguments: str | Path) -> None:
        subprocess.run([OPENSSL, *arguments], check=True, capture_output=True, timeout=60, cwd=folder)

    for name in ("ca", "stranger"):
        run(
            *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}"),
            *("-keyout", f"{name}.key", "-out", f"{name}.crt", "-addext", "basicConstraints=critical,CA:TRUE"),
            *("-addext", "keyUsage=critical,keyCertSign"),
        )
    for name, subject in (("server", "localhost"), ("client", "postgres")):
        # Python 3.13 asks that a certificate says which key has signed it, and an authority that it may sign.
        (folder / f"{name}.ext").write_text(f"subjectAltName=DNS:{subject}\nauthorityKeyIdentifier=keyid\n")
        run(
            "req",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-subj",
            f"/CN={subject}",
            "-keyout",
            f"{name}.key",
            "-out",
            f"{name}.csr",
        )
        run(
            *("x509", "-req", "-days", "2", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key"),
            *("-CAcreateserial", "-extfile", f"{name}.ext", "-out", f"{name}.crt"),
        )
    run("rsa", "-aes256", "-passout", f"pass:{password}", "-in", "client.key", "-out", "locked.key")
    names = ("ca.crt", "server.crt", "server.key", "client.crt", "locked.key", "stranger.crt")
    return Certificates(*(folder / name for name in names))


@asynccontextmanager
async def encrypted(url: str, certificates: Certificates | None, *, ask_client: bool = False) -> AsyncIterator[int]:
    """Yield the port of the server with TLS in front of it; None refuses TLS, as a server without it does."""
    context = None
    if certificates is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificates.server, certificates.server_key)
        if ask_client:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(certificates.authority)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, ssl.SSLError):
            first = await reader.readexactly(8)
            if first == SSL_REQUEST:
                writer.write(b"N" if context is None else b"S")
                await writer.drain()
                if context is not None:
                    await writer.start_tls(context)
                first = b""
            server_reader, server_writer = await _open(url)
            try:
                server_writer.write(first)
                async with asyncio.TaskGroup() as group:
                    group.create_task(_pipe(reader, server_writer))
                    group.create_task(_pipe(server_reader, writer))
            finally:
                server_writer.close()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


async def _open(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    host = query["host"][0] if "host" in query else parts.hostname or "127.0.0.1"
    if host.startswith("/"):
        return await asyncio.open_unix_connection(f"{unquote(host)}/.s.PGSQL.{parts.port or 5432}")
    return await asyncio.open_connection(host, parts.port or 5432)


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError, ssl.SSLError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    with suppress(OSError, ssl.SSLError):
        writer.close()
