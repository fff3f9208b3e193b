"""Params are those of a changeset; a schema takes none."""

from ectype import params_of
from tests.typing.accepted.json_schemas import User

params_of(User)  # refused
