"""PubSub: messages by topic, inside one process."""

from ectype.web_integration.pubsub.pubsub import Broadcast, Defer, PubSub, PubSubError, Subscriber, Subscription

__all__ = ["Broadcast", "Defer", "PubSub", "PubSubError", "Subscriber", "Subscription"]
