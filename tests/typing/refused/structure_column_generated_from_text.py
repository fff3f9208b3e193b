from __future__ import annotations

from ectype import column

column(generated="price * 2")  # refused
