"""The rim: what talks to a driver. Each adapter, its connections, and the pool that lends them out.

A driver is imported by its own adapter only, and an adapter by `registry` when a URL asks for it.
"""
