from __future__ import annotations

from ectype import from_, tuple_
from tests.typing.accepted.schemas import Artist, Work

tuple_(Work.title, Artist.id).in_(from_(Artist).select(Artist.id))  # refused
