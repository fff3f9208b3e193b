"""What the applications of these tests talk over: nothing, a PostgreSQL or a Redis."""

from ectype import Repo
from ectype.web_integration import PostgresBus, PubSub
from ectype.web_integration.pubsub.redis import RedisBus


def made(url: str, channel: str) -> tuple[list[Repo], PubSub]:
    """Return the repos to open, and the PubSub over them."""
    if url.startswith("redis"):
        return [], PubSub(bus=RedisBus(url, channel=channel))
    if url.startswith("postgres"):
        repo = Repo(url, pool_size=2)
        return [repo], PubSub(bus=PostgresBus(repo, channel=channel), defer=repo.after_commit)
    return [], PubSub()
