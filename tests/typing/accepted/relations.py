"""Changesets know what their associations hold: entries are structs, changesets or values of the related schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, assert_type

from ectype import (
    BelongsTo,
    Changeset,
    Field,
    HasMany,
    HasOne,
    ManyToMany,
    Repo,
    Schema,
    belongs_to,
    build_assoc,
    change,
    field,
    has_many,
    has_one,
    many_to_many,
    primary_key,
    reset_fields,
)


class Player(Schema, table="players"):
    id: Field[int] = primary_key()
    name: Field[str]
    badge: HasOne[Badge | None] = has_one(on_replace="update", on_delete="delete_all", defaults={"text": "new"})
    games: HasMany[Game] = has_many(on_replace="delete", on_delete="nilify_all", defaults=lambda player: {"score": 1})
    clubs: ManyToMany[Club] = many_to_many(
        through="players_clubs", on_replace="delete", on_delete="delete_all", unique=True
    )


class Badge(Schema, table="badges"):
    id: Field[int] = primary_key()
    text: Field[str]
    player_id: Field[int | None] = field(default=None)


class Game(Schema, table="games"):
    id: Field[int] = primary_key()
    score: Field[int] = field(default=0)
    player_id: Field[int]
    club_id: Field[int | None] = field(default=None)
    player: BelongsTo[Player] = belongs_to(on_replace="nilify")
    club: BelongsTo[Club | None] = belongs_to(on_replace="delete", defaults={"name": "club"})


class Club(Schema, table="clubs"):
    id: Field[int] = primary_key()
    name: Field[str]


def game(game: Game | type[Game], params: Mapping[str, object]) -> Changeset[Game]:
    return change(game).cast(params, Game.score)


def placed(game: Game, params: Mapping[str, Any], position: int) -> Changeset[Game]:
    return change(game).cast(params, Game.score).put_change(Game.score, position)


def badge(badge: Badge, params: Mapping[str, Any]) -> Changeset[Badge]:
    return change(badge).cast(params, Badge.text)


def player(player: Player, params: Mapping[str, Any]) -> Changeset[Player]:
    return change(player).cast(params, Player.name)


def registered(player: Player | type[Player], params: Mapping[str, object]) -> Changeset[Player]:
    made = (
        change(player)
        .cast(params, Player.name)
        .cast_assoc(Player.games, with_=game, required=True, sort_param="sort", drop_param="drop")
        .cast_assoc(Player.games, with_=placed, required_message="no game", invalid_message="is odd")
        .cast_assoc(Player.badge, with_=badge, force_update_on_change=False)
        .validate_required(Player.name, Player.games, Player.badge)
        .validate_length(Player.games, max=3)
    )
    assert_type(made, Changeset[Player])
    return made


ada = Player(id=1, name="Ada")
changeset = change(ada)
club = Club(name="c")
assert_type(changeset.put_assoc(Player.games, [Game(player_id=1), change(Game), {"score": 3}]), Changeset[Player])
assert_type(changeset.put_assoc(Player.clubs, [club]), Changeset[Player])
assert_type(changeset.put_assoc(Player.badge, Badge(text="x")), Changeset[Player])
assert_type(changeset.put_assoc(Player.badge, None), Changeset[Player])
assert_type(changeset.put_assoc(Player.badge, {"text": "x"}), Changeset[Player])
match = change(Game(player_id=1))
assert_type(match.put_assoc(Game.player, ada), Changeset[Game])
assert_type(match.put_assoc(Game.player, changeset), Changeset[Game])
assert_type(match.put_assoc(Game.club, None), Changeset[Game])
assert_type(match.cast({}, Game.score).cast_assoc(Game.player, with_=player), Changeset[Game])
assert_type(changeset.get_assoc(Player.games), list[Changeset[Game]])
assert_type(changeset.get_assoc(Player.games, as_="struct"), list[Game])
assert_type(changeset.get_assoc(Player.badge), Changeset[Badge] | None)
assert_type(changeset.get_assoc(Player.badge, as_="struct"), Badge | None)
assert_type(match.put_assoc(Game.player, ada).get_assoc(Game.player), Changeset[Player] | None)
assert_type(changeset.changed(Player.games), bool)
assert_type(changeset.delete_change(Player.games), Changeset[Player])


def too_many(games: list[Changeset[Game]]) -> str | None:
    return "are too many" if len(games) > 3 else None


def told(badge: Changeset[Badge]) -> list[tuple[Any, str]]:
    return [(Badge.text, "is odd")] if badge.get_change(Badge.text) == "odd" else []


assert_type(changeset.validate_change(Player.games, too_many), Changeset[Player])
assert_type(changeset.validate_change(Player.games, lambda games: None if games[0].valid else "x"), Changeset[Player])
assert_type(changeset.validate_change(Player.badge, told), Changeset[Player])
assert_type(match.validate_change(Game.player, lambda player: player.get_field(Player.name)), Changeset[Game])
assert_type(changeset.add_error(Player.games, "are odd"), Changeset[Player])
assert_type(changeset.field_missing(Player.games), bool)

assert_type(build_assoc(ada, Player.games, score=3), Game)
assert_type(build_assoc(ada, Player.badge), Badge)
assert_type(build_assoc(Game(player_id=1), Game.player, name="x"), Player)
assert_type(reset_fields(ada, Player.games, Player.name), Player)


async def written(repo: Repo) -> None:
    stored = await repo.insert(registered(Player, {"name": "Ada"}))
    assert_type(stored, Player)
    assert_type(stored.games, list[Game])
    assert_type(await repo.update(change(stored).put_assoc(Player.games, [])), Player)
