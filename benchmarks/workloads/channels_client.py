"""A client that costs little: plain sockets in one epoll, which looks at the heads of frames only."""

import select
import socket
from collections import deque
from collections.abc import Callable, Sequence
from time import perf_counter

BODY = "x" * 64
SECONDS = 120.0
"""How long a server may take before it counts as gone: the slowest of them needs half a minute on a busy machine."""


class V2:
    """Phoenix's text frames."""

    path = "/socket/websocket?vsn=2.0.0"
    opening: tuple[str, ...] = ()
    opened = 0
    join = '["1","1","room:1","phx_join",{}]'
    echo = f'["1","2","room:1","echo",{{"body":"{BODY}"}}]'
    shout = f'["1",null,"room:1","shout",{{"body":"{BODY}"}}]'


class SocketIO:
    """Socket.IO's packets inside Engine.IO's."""

    path = "/socket.io/?EIO=4&transport=websocket"
    opening = ("40",)
    opened = 2
    join = '420["join",{}]'
    echo = f'421["echo",{{"body":"{BODY}"}}]'
    shout = f'42["shout",{{"body":"{BODY}"}}]'


def framed(text: str) -> bytes:
    """Return a client's text frame; its mask is zero, which changes nothing."""
    data = text.encode()
    size = len(data)
    head = bytes([0x81, 0x80 | size]) if size < 126 else bytes([0x81, 0xFE]) + size.to_bytes(2, "big")
    return head + b"\0\0\0\0" + data


class Line:
    """One WebSocket."""

    __slots__ = ("buffer", "socket")

    def __init__(self, port: int, path: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        self.buffer = b""
        while b"\r\n\r\n" not in self.buffer:
            self.buffer += self._read()
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        if b" 101 " not in head:
            raise ConnectionError(head.decode(errors="replace"))

    def _read(self) -> bytes:
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("the server hung up")
        return data

    def wait(self, frames: int) -> None:
        """Block until so many frames have come."""
        got = self.count()
        while got < frames:
            self.buffer += self._read()
            got += self.count()

    def take(self) -> int:
        """Read what is there, and return how many frames were whole."""
        try:
            self.buffer += self._read()
        except BlockingIOError:
            return 0
        return self.count()

    def count(self) -> int:
        """Return how many whole frames the buffer had, and forget them."""
        buffer, at, frames = self.buffer, 0, 0
        while len(buffer) - at >= 2:
            size, head = buffer[at + 1], 2
            if size == 126:
                if len(buffer) - at < 4:
                    break
                size, head = int.from_bytes(buffer[at + 2 : at + 4], "big"), 4
            if len(buffer) - at < head + size:
                break
            at += head + size
            frames += 1
        self.buffer = buffer[at:]
        return frames


class Crowd:
    """Many WebSockets that have joined one room."""

    def __init__(self, port: int, dialect: type[V2] | type[SocketIO], size: int) -> None:
        self.dialect = dialect
        self.lines: list[Line] = []
        self.epoll = select.epoll()
        self.by_number: dict[int, Line] = {}
        for _ in range(size):
            line = Line(port, dialect.path)
            for text in dialect.opening:
                line.socket.sendall(framed(text))
            line.wait(dialect.opened)
            line.socket.sendall(framed(dialect.join))
            line.wait(1)
            line.socket.setblocking(False)
            self.lines.append(line)
            self.by_number[line.socket.fileno()] = line
            self.epoll.register(line.socket.fileno(), select.EPOLLIN)

    def close(self) -> None:
        """Hang up."""
        self.epoll.close()
        for line in self.lines:
            line.socket.close()

    def until(self, done: Callable[[Line, int], bool]) -> None:
        """Hand each line that got frames to `done`, until it says that it is."""
        end = perf_counter() + SECONDS
        while True:
            for number, _ in self.epoll.poll(1.0, 4096):
                line = self.by_number[number]
                frames = line.take()
                if frames and done(line, frames):
                    return
            if perf_counter() > end:
                raise TimeoutError("the server does not answer")

    def fan_out(self, times: int) -> list[float]:
        """Tell the room, so many times, one after the other; return the seconds until each of the room had heard."""
        waits: list[float] = []
        for _ in range(times):
            left = len(self.lines)
            begun = perf_counter()
            self.lines[0].socket.sendall(framed(self.dialect.shout))

            def heard(_line: Line, frames: int) -> bool:
                nonlocal left
                waits.append(perf_counter() - begun)  # noqa: B023  # called before the next round
                left -= frames
                return left <= 0

            self.until(heard)
        return waits

    def deliveries(self, seconds: float, ahead: int = 4) -> tuple[int, float]:
        """Tell the room with so many under way all the time; return how many were delivered, and in which time."""
        size, got, sent = len(self.lines), 0, ahead
        begun = perf_counter()
        for _ in range(ahead):
            self.lines[0].socket.sendall(framed(self.dialect.shout))

        def heard(_line: Line, frames: int) -> bool:
            nonlocal got, sent
            got += frames
            if perf_counter() - begun < seconds:
                while sent - got / size < ahead - 1:
                    sent += 1
                    self.lines[0].socket.sendall(framed(self.dialect.shout))
            return got >= sent * size

        self.until(heard)
        return got, perf_counter() - begun

    def echo(self, seconds: float) -> tuple[int, float]:
        """Let each say something and wait for its answer, again and again; return the answers, and in which time."""
        frame = framed(self.dialect.echo)
        got, open_ones = 0, len(self.lines)
        begun = perf_counter()
        for line in self.lines:
            line.socket.sendall(frame)

        def answered(line: Line, frames: int) -> bool:
            nonlocal got, open_ones
            got += frames
            if perf_counter() - begun < seconds:
                line.socket.sendall(frame)
            else:
                open_ones -= 1
            return open_ones == 0

        self.until(answered)
        return got, perf_counter() - begun


def requests(port: int, paths: Sequence[str], seconds: float, connections: int = 16) -> tuple[int, float]:
    """Ask for JSON over kept connections, one request at a time on each; return the answers, and in which time."""
    asked = deque(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode() for path in paths)
    epoll = select.epoll()
    lines: dict[int, socket.socket] = {}
    buffers: dict[int, bytes] = {}
    got, left = 0, connections
    begun = perf_counter()

    def ask(line: socket.socket) -> None:
        line.sendall(asked[0])
        asked.rotate()

    try:
        for _ in range(connections):
            line = socket.create_connection(("127.0.0.1", port), SECONDS)
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            lines[line.fileno()] = line
            buffers[line.fileno()] = b""
            epoll.register(line.fileno(), select.EPOLLIN)
            ask(line)
        while left and perf_counter() - begun < seconds + SECONDS:
            for number, _ in epoll.poll(1.0):
                data = buffers[number] + lines[number].recv(65536)
                head, _, body = data.partition(b"\r\n\r\n")
                size = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or b"1000000")
                if len(body) < size:
                    buffers[number] = data
                    continue
                assert b" 200 " in head[:20], head
                buffers[number] = b""
                got += 1
                if perf_counter() - begun < seconds:
                    ask(lines[number])
                else:
                    left -= 1
        return got, perf_counter() - begun
    finally:
        epoll.close()
        for line in lines.values():
            line.close()
