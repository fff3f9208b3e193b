"""Programs that use ectype as its users do."""
