"""One module a workload; each says what every competitor does."""
