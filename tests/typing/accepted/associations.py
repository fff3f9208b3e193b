"""Associations know whose they are and what they lead to, in joins, preloads and `assoc`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_type

from ectype import (
    BelongsTo,
    Field,
    HasMany,
    HasOne,
    ManyToMany,
    Maybe,
    Q,
    Query,
    Rel,
    Repo,
    Schema,
    alias,
    assoc,
    belongs_to,
    field,
    from_,
    has_many,
    has_one,
    many_to_many,
    maybe,
    primary_key,
)


class Player(Schema, table="players"):
    id: Field[int] = primary_key()
    name: Field[str]
    active: Field[bool] = field(default=True)
    badge: HasOne[Badge | None] = has_one()
    games: HasMany[Game] = has_many(where=lambda: Game.score > 3, preload_order=lambda: (Game.score.desc(), Game.id))
    clubs: ManyToMany[Club] = many_to_many(through="players_clubs")
    led: ManyToMany[Club] = many_to_many(
        through=lambda: Seat,
        join_keys={"player_id": "id", "club_id": "id"},
        where=lambda: Club.name != "closed",
        join_where=lambda: Seat.role == "lead",
        preload_order=lambda: Seat.role,
    )
    moves: HasMany[Move] = has_many(through=lambda: Player.games / Game.moves)
    old_games: HasMany[Game] = has_many(source="old_games")
    old_badge: HasOne[Badge | None] = has_one(source="old_badges", where=lambda: Badge.id > 3)


class Game(Schema, table="games"):
    id: Field[int] = primary_key()
    score: Field[int]
    player_id: Field[int | None] = field(default=None)
    player: BelongsTo[Player | None] = belongs_to(where=lambda: Player.active == True)  # noqa: E712
    moves: HasMany[Move] = has_many(foreign_key=("game_id",), references=("id",))
    badge: HasOne[Badge | None] = has_one(through=lambda: Game.player / Player.badge)


class Move(Schema, table="moves"):
    id: Field[int] = primary_key()
    text: Field[str]
    game_id: Field[int]
    game: BelongsTo[Game] = belongs_to()


class Badge(Schema, table="badges"):
    id: Field[int] = primary_key()
    color: Field[str]
    player_id: Field[int]


class Club(Schema, table="clubs"):
    id: Field[int] = primary_key()
    name: Field[str]
    players: ManyToMany[Player] = many_to_many(through="players_clubs", join_keys=("club_id", "player_id"))


class Seat(Schema, table="players_clubs"):
    player_id: Field[int] = field(primary_key=True)
    club_id: Field[int] = field(primary_key=True)
    role: Field[str]


def members(player: Player, game: Game) -> None:
    assert_type(Player.badge, Rel[Player, Badge | None])
    assert_type(player.badge, Badge | None)
    assert_type(Player.clubs, Rel[Player, list[Club]])
    assert_type(player.clubs, list[Club])
    assert_type(Player.moves, Rel[Player, list[Move]])
    assert_type(game.badge, Badge | None)
    Player(name="x", badge=None, clubs=[Club(name="c")], moves=[])
    Player(name="x", badge=Badge(color="red", player_id=1))


def joins() -> None:
    assert_type(from_(Player).join(Player.badge), Query[Player | Badge, Player | Badge, Player])
    assert_type(
        from_(Player).left_join(Player.badge), Query[Player | Badge | Maybe[Badge], Player | Maybe[Badge], Player]
    )
    assert_type(
        from_(Player).join(Player.clubs).select(Player.name, Club.name),
        Query[Player | Club, Player | Club, tuple[str, str]],
    )
    assert_type(
        from_(Player).left_join(Player.moves).where(Move.text != "").select(Player.name, maybe(Move.text)),
        Query[Player | Move | Maybe[Move], Player | Maybe[Move], tuple[str, str | None]],
    )
    other = alias(Club, "other")
    from_(Player).join(Player.clubs).join(Player.led, as_=other).where(Club.id != other.id)
    from_(other).join(other.players).where(Player.name == "x")


async def games_of(keys: list[int]) -> list[Game]:
    return [Game(id=key, score=1, player_id=key) for key in keys]


async def clubs_of(keys: list[int]) -> list[tuple[int, Club]]:
    return [(key, Club(id=1, name="x")) for key in keys]


async def players_of(_keys: list[int]) -> Sequence[Player]:
    return ()


def paths() -> None:
    assert_type(Player.games.only(Game.score, Game.id), Rel[Player, list[Game]])
    assert_type(Player.badge.only(Badge.color), Rel[Player, Badge | None])
    assert_type(Move.game.only(Game.score), Rel[Move, Game])
    assert_type(Player.games.using(from_(Game).join(Game.moves).where(Move.text == "x")), Rel[Player, list[Game]])
    assert_type(Player.badge.using(from_(Badge)), Rel[Player, Badge | None])
    assert_type(Player.games.load_with(games_of), Rel[Player, list[Game]])
    assert_type(Player.clubs.load_with(clubs_of), Rel[Player, list[Club]])
    assert_type(Game.player.load_with(players_of), Rel[Game, Player | None])
    assert_type(Player.games.joined() / Game.moves.joined(), Rel[Player, list[Move]])
    assert_type(Game.player.joined(alias(Player, "p")), Rel[Game, Player | None])
    assert_type(
        Player.clubs.where(Club.name == "x").order_by(Club.id).limit(2).only(Club.name), Rel[Player, list[Club]]
    )
    from_(Player).left_join(Player.games).preload(Player.games.joined() / Game.moves, Player.badge)


async def rows(repo: Repo, player: Player, players: list[Player], some: list[Player | None]) -> None:
    assert_type(await repo.preload(player, Player.clubs, force=True), Player)
    assert_type(await repo.preload(players, Player.badge, prefix="wiki"), list[Player])
    assert_type(await repo.preload(some, Player.badge), list[Player | None])
    assert_type(assoc(player, Player.games), Q[Game])
    assert_type(assoc(players, Player.badge), Q[Badge])
    assert_type(assoc(player, Player.games / Game.moves), Query[Move, Move, Move])
    assert_type(await repo.all(assoc(players, Player.clubs).where(Club.name == "x")), list[Club])
    assert_type(assoc(Move(text="", game_id=1), Move.game), Q[Game])
    await repo.update_all(assoc(player, Player.games), Game.score.inc(1))


if __name__ == "__main__":
    members(Player(name="x", badge=None, clubs=[]), Game(score=1, badge=None))
    joins()
    paths()
