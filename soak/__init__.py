"""Long runs under load and faults: `make soak`, or `python -m soak --minutes 5 --only overload`.

A soak is a module of this folder with `async def run(seconds: float) -> Iterable[str]`: it works for about so many
seconds, returns the lines to print, and raises AssertionError when a figure is not met. A module without a `run` helps
the others.
"""
