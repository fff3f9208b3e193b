from __future__ import annotations

from ectype import Notification


def work(notification: Notification) -> None:
    notification.payload = "x"  # refused
