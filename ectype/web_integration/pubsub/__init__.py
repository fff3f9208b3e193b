"""PubSub: messages by topic, inside one process or between many.

`PostgresBus` is in `ectype.web_integration.pubsub.postgres`, `RedisBus` in `ectype.web_integration.pubsub.redis`.
"""

from ectype.web_integration.pubsub.broadcast import Broadcast
from ectype.web_integration.pubsub.bus import Bus
from ectype.web_integration.pubsub.errors import PubSubError
from ectype.web_integration.pubsub.pubsub import RESYNC, Defer, PubSub, Subscriber, Subscription

__all__ = ["RESYNC", "Broadcast", "Bus", "Defer", "PubSub", "PubSubError", "Subscriber", "Subscription"]
