from __future__ import annotations

from ectype import timestamp

timestamp(writable="never")  # refused
