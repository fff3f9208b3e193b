"""web_integration/channels."""
