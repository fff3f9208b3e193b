"""web_integration."""
