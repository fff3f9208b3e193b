"""What every client passes before it is served, whatever the transport: origin, version, and `connect`."""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
from collections.abc import Iterable, Mapping
from time import perf_counter
from typing import Any, Final, NamedTuple, final
from urllib.parse import quote

from starlette.datastructures import URL
from starlette.requests import HTTPConnection

from ectype import telemetry
from ectype.web_integration.channels import events
from ectype.web_integration.channels.errors import ChannelError
from ectype.web_integration.channels.handler import Connected, ConnectInfo, Params, Refused, SocketHandler
from ectype.web_integration.channels.origin import CheckOrigin, OriginCheck
from ectype.web_integration.channels.outbox import Fanout
from ectype.web_integration.channels.serializer import Serializer, negotiate
from ectype.web_integration.channels.server import SERVICE_RESTART, Connection, Limits
from ectype.web_integration.channels.session import session_of
from ectype.web_integration.params import ParamsError, ParamsTooLargeError, decode_params
from ectype.web_integration.pubsub.pubsub import PubSub

logger = logging.getLogger("ectype.channels")

_TOKEN_PREFIX: Final = "base64url.bearer.phx."  # a prefix, no secret


_STOPPING: Final = Refused(503, reason="the server stops")


class Admitted(NamedTuple):
    """A client that may be served."""

    serializer: Serializer
    connected: Connected


@final
class Doorkeeper:
    """Decides who may connect, and knows what all transports of one socket share.

    Attributes:
        handler: the socket.
        pubsub: where broadcasts come from and go to.
        limits: what one client may use.
        fanout: what empties the outboxes of all clients.
    """

    __slots__ = ("_emptied", "_open", "_origins", "draining", "fanout", "handler", "limits", "pubsub")

    def __init__(
        self, handler: type[SocketHandler], *, pubsub: PubSub, check_origin: CheckOrigin, limits: Limits
    ) -> None:
        self.handler: Final = handler
        self.pubsub: Final = pubsub
        self.limits: Final = limits
        self.fanout: Final = Fanout()
        self.draining = False
        self._origins = OriginCheck(check_origin)
        self._open: dict[Connection, None] = {}
        self._emptied: asyncio.Event | None = None

    def enter(self, connection: Connection) -> None:
        """Note a client that is served; one that was admitted just before a drain is closed at once."""
        self._open[connection] = None
        if self.draining:
            connection.close(SERVICE_RESTART, "server stops")

    def leave(self, connection: Connection) -> None:
        """Note a client that is served no more."""
        known = connection in self._open
        self._open.pop(connection, None)
        if known and telemetry.listeners(events.CLOSED):
            closing = connection.closing
            code, reason = (None, "") if closing is None else closing
            telemetry.emit(events.CLOSED, events.SocketClosed(self.handler.__name__, connection.id, code, reason))
        if self._emptied is not None and not self._open:
            self._emptied.set()

    async def drain(self, *, batch_size: int, batch_interval: float, shutdown: float) -> None:
        """Admit nobody any more, and close every socket with 1012: a batch, a pause, the next batch.

        It returns when all have ended, or `shutdown` seconds after the last batch.
        """
        self.draining = True
        waiting = tuple(self._open)
        for start in range(0, len(waiting), batch_size):
            if start:
                await asyncio.sleep(batch_interval)
            batch = waiting[start : start + batch_size]
            telemetry.emit(events.DRAINED, events.SocketsDrained(self.handler.__name__, len(batch), len(waiting)))
            for connection in batch:
                connection.close(SERVICE_RESTART, "server stops")
        while self._open:
            self._emptied = asyncio.Event()
            try:
                async with asyncio.timeout(shutdown):
                    await self._emptied.wait()
            except TimeoutError:
                logger.warning("%d sockets had not ended %g s after they were closed", len(self._open), shutdown)
                return
            finally:
                self._emptied = None

    def knows(self, request: HTTPConnection) -> bool:
        """Return whether the page that asks may ask; a refusal is logged with the option to set."""
        hosts = request.headers.getlist("host")
        origins = request.headers.getlist("origin")
        host = hosts[0] if len(hosts) == 1 else None
        scheme: str = request.scope.get("scheme", "http")
        if all(self._origins.allows(origin, host=host, scheme=scheme) for origin in origins):
            return True
        logger.warning(
            "refused a socket from origin %.200r at host %.200r: it is another site's page. If it is yours, add it "
            "to socket_app(…, check_origin=[…])", origins[0], host,
        )  # fmt: skip
        return False

    async def admit(
        self,
        request: HTTPConnection,
        *,
        tokens: Iterable[str],
        transport: str,
        refusal: Refused | None = None,
        binary: bool = True,
    ) -> Admitted | Refused:
        """Ask `connect` about a client whose page is known, and report what became of it.

        Args:
            request: the request that opens the socket.
            tokens: what the client sent as its `authToken`, in base64 where a subprotocol carries it.
            transport: `websocket` or `longpoll`, for telemetry.
            refusal: why the transport cannot serve this client, if its page is known.
            binary: whether binary frames can be sent to it.

        Raises:
            ChannelError: `connect` returned neither Connected nor Refused.
        """
        started = perf_counter()
        params: Params = {}
        outcome = refusal if refusal is not None and self.knows(request) else None
        if outcome is None:
            try:
                params = params_of(request)
            except ParamsError as exc:
                outcome = Refused(413 if isinstance(exc, ParamsTooLargeError) else 400, reason="params cannot be read")
            else:
                outcome = await self._ask(request, params, tokens, binary=binary)
        if self.draining and isinstance(outcome, Admitted):
            outcome = _STOPPING
        self.report(outcome, params, perf_counter() - started, transport=transport)
        return outcome

    async def _ask(
        self, request: HTTPConnection, params: Params, tokens: Iterable[str], *, binary: bool
    ) -> Admitted | Refused:
        if self.draining:
            return _STOPPING
        if not self.knows(request):
            return Refused(reason="origin not allowed")
        version: object = params.get("vsn")
        serializer = negotiate(version, binary=binary) if version is None or isinstance(version, str) else None
        if serializer is None:
            logger.warning("refused a socket that speaks version %.50r; 2.0.0 and 1.0.0 are spoken here", version)
            return Refused(reason="version not supported")
        try:
            token = auth_token(tokens)
        except ValueError:
            return Refused(reason="auth token is not base64")
        connected = await self.handler().connect(params, _info(request, token, session_of(request, params)))
        match connected:
            case Connected():
                return Admitted(serializer, connected)
            case Refused():
                return connected
            case _:
                raise ChannelError(
                    f"{self.handler.__name__}.connect returned {connected!r}",
                    hint="return Connected(user_id=…) or Refused()",
                )

    def report(self, outcome: Admitted | Refused, params: Params, duration: float, *, transport: str) -> None:
        """Log and tell telemetry what became of a client that asked to connect."""
        status = outcome.status if isinstance(outcome, Refused) else 101
        name, level, shown = self.handler.__name__, self.handler.log, self.handler.filter_params
        if level is not None and logger.isEnabledFor(level):
            logger.log(
                level, "connect %s by %s: %d in %.1f ms, params %.500r",
                name, transport, status, duration * 1000, shown(params),
            )  # fmt: skip
        if telemetry.listeners(events.CONNECTED):
            event = events.SocketConnected(name, shown(params), status, duration, transport)
            telemetry.emit(events.CONNECTED, event)


def auth_token(subprotocols: Iterable[str]) -> str | None:
    """Return the token that the client's `authToken` option sends as a subprotocol, or None.

    The client writes `base64url.bearer.phx.<token>` with the standard alphabet and no padding, whatever its name
    says; both alphabets are read. More than one token is none, as in Phoenix.

    Raises:
        ValueError: the token is not base64 of UTF-8.

    >>> auth_token(["phoenix", "base64url.bearer.phx.c2VjcmV0"])
    'secret'
    """
    tokens = [one.removeprefix(_TOKEN_PREFIX) for one in subprotocols if one.startswith(_TOKEN_PREFIX)]
    if len(tokens) != 1:
        return None
    text = tokens[0].rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode()
    except binascii.Error as exc:
        raise ValueError("not base64") from exc


def token_protocol(token: str) -> str:
    """Return the subprotocol that carries the token, as the client makes it.

    >>> token_protocol("secret")
    'base64url.bearer.phx.c2VjcmV0'
    """
    return _TOKEN_PREFIX + base64.b64encode(token.encode()).decode().rstrip("=")


def params_of(request: HTTPConnection) -> Params:
    """Return the parameters of the query, nested as Plug nests them, and the variables of the path, which win.

    Raises:
        ParamsError: the query cannot be read; ParamsTooLargeError: there is more of it than there may be.
    """
    path: Mapping[str, object] = request.path_params
    return {**decode_params(request.scope["query_string"]), **path}


def _info(request: HTTPConnection, token: str | None, session: Mapping[str, Any] | None) -> ConnectInfo:
    peer = request.client
    return ConnectInfo(
        headers=request.headers,
        peer=None if peer is None else (peer.host, peer.port),
        url=_url(request),
        auth_token=token,
        session=session,
    )


def _url(request: HTTPConnection) -> str:
    # Bytes beyond ASCII are of no URL, and Starlette's URL raises on some of them.
    query = quote(request.scope["query_string"], safe="%/:?#[]@!$&'()*+,;=-._~\"<>\\^`{|}")
    return str(URL(scope={**request.scope, "query_string": query.encode()}))
