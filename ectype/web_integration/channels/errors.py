"""What channels refuse: their wrong use by the application, and frames that no client of the protocol sends."""

from __future__ import annotations

from ectype.errors import EctypeError


class ChannelError(EctypeError):
    """A channel or socket that cannot work as it is written, or is used at the wrong moment."""


class FrameError(EctypeError):
    """A frame that is not of the protocol; the socket closes with code 1003."""
