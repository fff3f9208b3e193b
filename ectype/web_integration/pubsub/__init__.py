"""web_integration/pubsub."""
