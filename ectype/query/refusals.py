"""The refusal of what a user asked for in text: one reason a key, as a changeset gives them."""

from __future__ import annotations

from ectype.errors import CastError
from ectype.schema.field_error import FieldError


class InvalidParamsError(CastError):
    """Filters or an order from outside were refused. The web layer answers 400, with the messages by key.

    Attributes:
        errors: each refused key and why, in order.

    Example:
        try:
            query = from_(User).filter_params(request.query_params, filterable={"age": User.age})
        except InvalidParamsError as exc:
            return JSONResponse({"errors": exc.messages()}, 400)
    """

    def __init__(self, what: str, errors: tuple[FieldError, ...]) -> None:
        listed = "; ".join(f"{key!r} {error}" for key, error in errors[:5])
        more = f"; and {len(errors) - 5} more" if len(errors) > 5 else ""
        super().__init__(f"{what}: {listed}{more}")
        self.errors = errors

    def messages(self) -> dict[str, list[str]]:
        """Return the messages by key: `{"age__gte": ["is invalid"]}`."""
        found: dict[str, list[str]] = {}
        for key, error in self.errors:
            found.setdefault(key, []).append(str(error))
        return found


def shown_key(key: object) -> str:
    """Return a key from outside, shortened."""
    text = key if isinstance(key, str) else repr(key)
    return text if len(text) <= 60 else f"{text[:57]}..."
