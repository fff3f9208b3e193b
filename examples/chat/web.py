"""The pages of the chat, and the application that serves them and its socket."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

from jinja2 import ChoiceLoader, Environment, FileSystemLoader
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from ectype import InvalidChangesetError, Repo, do_nothing, from_, migrations, replace
from ectype.web_integration import (
    Form,
    LongPoll,
    PostgresBus,
    PubSub,
    TokenError,
    Tokens,
    form_templates,
    read_params,
    repo_errors,
    repo_lifespan,
    socket_app,
    to_form,
)
from examples.chat import client
from examples.chat.schemas import Room, User
from examples.chat.settings import Settings
from examples.chat.sockets import LOBBY, TOKEN_AGE, chat_presence, chat_socket

HERE = Path(__file__).parent
COOKIE = "chat_user"
FIRST_ROOM = "lobby"


def bus_of(repo: Repo, settings: Settings) -> Any:
    """Return what carries broadcasts to the other processes of this chat, or None where there is but one."""
    channel = "chat_" + sha256(settings.secret.encode()).hexdigest()[:16]
    if settings.redis is not None:
        from ectype.web_integration.pubsub.redis import RedisBus  # noqa: PLC0415  # an extra

        return RedisBus(settings.redis, channel=channel)
    return PostgresBus(repo, channel=channel) if settings.database.startswith("postgres") else None


class Pages:
    """Answers requests for pages: entering, rooms, a room."""

    def __init__(self, repo: Repo, pubsub: PubSub, tokens: Tokens) -> None:
        self._repo = repo
        self._pubsub = pubsub
        self._tokens = tokens
        loader = ChoiceLoader([FileSystemLoader(HERE / "templates"), form_templates()])
        self._templates = Environment(loader=loader, autoescape=True)

    async def user(self, request: Request) -> User | None:
        """Return who asks, by the signed cookie."""
        try:
            user_id = self._tokens.verify(request.cookies.get(COOKIE), max_age=TOKEN_AGE)
        except TokenError:
            return None
        return await self._repo.get(User, user_id)

    def render(self, name: str, status: int = 200, **values: Any) -> Response:
        """Return a page."""
        return HTMLResponse(self._templates.get_template(name).render(**values), status)

    async def start(self, request: Request) -> Response:
        """Ask who it is, or go to the first room."""
        if await self.user(request) is not None:
            return RedirectResponse(f"/rooms/{FIRST_ROOM}", 303)
        return self.render("enter.html", form=to_form(User.changeset(User, {})))

    async def enter(self, request: Request) -> Response:
        """Take the name, and remember it in a cookie."""
        params = await read_params(request)
        try:
            # The row that is there already comes back as it is.
            user = await self._repo.insert(
                User.changeset(User, _group(params, "user")), on_conflict=replace(User.name), conflict_target=User.name
            )
        except InvalidChangesetError as exc:
            return self.render("enter.html", 422, form=to_form(exc.changeset))
        response = RedirectResponse(f"/rooms/{FIRST_ROOM}", 303)
        token = self._tokens.sign(user.id)
        response.set_cookie(COOKIE, token, max_age=TOKEN_AGE, httponly=True, samesite="lax")
        return response

    async def room(self, request: Request) -> Response:
        """Show a room."""
        room = await self._repo.get_by_or_raise(Room, Room.name == request.path_params["name"])
        return await self.in_room(request, room, to_form(Room.changeset(Room, {})))

    async def open_room(self, request: Request) -> Response:
        """Open a room, and tell every page of it; what the changeset or the database refuses stands in the form."""
        if await self.user(request) is None:
            return RedirectResponse("/", 303)
        params = await read_params(request)
        try:
            room = await self._repo.insert(Room.changeset(Room, _group(params, "room")))
        except InvalidChangesetError as exc:
            here = await self._repo.get_by_or_raise(Room, Room.name == request.path_params["name"])
            return await self.in_room(request, here, to_form(exc.changeset), 422)
        self._pubsub.broadcast(LOBBY, "room", {"name": room.name, "topic": room.topic})
        return RedirectResponse(f"/rooms/{room.name}", 303)

    async def in_room(self, request: Request, room: Room, form: Form, status: int = 200) -> Response:
        """Show a room with the form that opens another."""
        user = await self.user(request)
        if user is None:
            return RedirectResponse("/", 303)
        rooms = await self._repo.all(from_(Room).order_by(Room.name))
        values = {"room": room, "rooms": rooms, "user": user, "form": form}
        token = self._tokens.sign(user.id)
        return self.render("room.html", status, token=token, missing=client.missing(), **values)


def _group(params: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    group: object = params.get(name)
    return cast("dict[str, Any]", group) if isinstance(group, dict) else {}


def application(settings: Settings) -> Starlette:
    """Return the chat."""
    repo = Repo(settings.database)
    pubsub = PubSub(bus=bus_of(repo, settings), defer=repo.after_commit)
    presence = chat_presence(repo, pubsub)
    tokens = Tokens(settings.secret, salt="chat user")
    handler = chat_socket(repo, presence, tokens, secret=settings.secret)
    sockets = socket_app(handler, pubsub=pubsub, longpoll=LongPoll(secret=settings.secret))
    pages = Pages(repo, pubsub, tokens)
    opened = repo_lifespan(pubsub, presence, sockets)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncGenerator[None, None]:
        async with repo:
            await migrations.migrate(repo, HERE / "migrations")
            first = Room.changeset(Room, {"name": FIRST_ROOM, "topic": "where everybody begins"})
            await repo.upsert(first, on_conflict=do_nothing(), conflict_target=Room.name)
            async with opened(app):
                yield

    routes: list[BaseRoute] = [
        Route("/", pages.start),
        Route("/", pages.enter, methods=["POST"]),
        Route("/rooms/{name}", pages.room),
        Route("/rooms/{name}", pages.open_room, methods=["POST"]),
        Mount("/socket", sockets),
        Mount("/static", StaticFiles(directory=HERE / "static")),
        Mount("/client", StaticFiles(directory=client.FILES, check_dir=False)),
    ]
    return Starlette(routes=routes, exception_handlers=repo_errors(), lifespan=lifespan)


def from_environment() -> Starlette:
    """Return the chat for one worker process."""
    return application(Settings.from_environment())
