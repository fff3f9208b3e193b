"""JSON Schema is made of a schema class, not of one of its structs."""

from ectype import json_schema
from tests.typing.accepted.json_schemas import User

json_schema(User(name="Ada"))  # refused
