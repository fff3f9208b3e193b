"""`python -m examples.chat [--database URL] [--redis URL] [--processes N] [--port N]`: serve the chat."""

import argparse
import os

import uvicorn

from examples.chat import client
from examples.chat.settings import Settings, kept_secret


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="chat", description=__doc__)
    parser.add_argument("--database", default=os.environ.get("CHAT_DATABASE", "sqlite:///chat.db"))
    parser.add_argument("--redis", default=os.environ.get("CHAT_REDIS"), help="carries broadcasts between processes")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--port", type=int, default=8000)
    chosen = parser.parse_args()
    if chosen.processes > 1 and not chosen.redis and not chosen.database.startswith("postgres"):
        parser.error("several processes need a way to each other: a PostgreSQL --database, or --redis redis://…")
    client.install()
    Settings(database=chosen.database, redis=chosen.redis, secret=kept_secret()).to_environment()
    uvicorn.run(
        "examples.chat.web:from_environment",
        factory=True,
        workers=chosen.processes,
        port=chosen.port,
        timeout_graceful_shutdown=10,
    )


if __name__ == "__main__":
    main()
