"""What the command line decides and every worker process must know: it travels in the environment."""

import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

SECRET_FILE = Path("chat.secret")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where the chat keeps its rows, what its processes talk over, and what it signs with.

    Attributes:
        database: the URL of the database.
        redis: the URL of a Redis that carries broadcasts between processes; None: PostgreSQL does, where that is the
            database.
        secret: signs what the browser is given; the same in all processes, and after a restart.
    """

    database: str
    redis: str | None = None
    secret: str = field(repr=False)

    @classmethod
    def from_environment(cls) -> Self:
        """Read what `to_environment` wrote."""
        return cls(
            database=os.environ["CHAT_DATABASE"],
            redis=os.environ.get("CHAT_REDIS") or None,
            secret=os.environ["CHAT_SECRET"],
        )

    def to_environment(self) -> None:
        """Leave the settings to the worker processes."""
        os.environ.update(CHAT_DATABASE=self.database, CHAT_REDIS=self.redis or "", CHAT_SECRET=self.secret)


def kept_secret() -> str:
    """Return the secret of the environment, else of a file that only its owner may read, made the first time."""
    known = os.environ.get("CHAT_SECRET")
    if known:
        return known
    try:
        with open(os.open(SECRET_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(32))
    except FileExistsError:
        pass
    return SECRET_FILE.read_text()
