"""A comment after each statement that tells database logs which program sent it, as sqlcommenter writes it.

It is the same for all statements of a repo, so that their texts stay the same and prepared statements are found again.
Rules: https://google.github.io/sqlcommenter/spec/.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from ectype.errors import ConfigError


def sql_comment(tags: Mapping[str, str] | None) -> str:
    """Return the comment with the blank before it, sorted and URL-encoded; nothing for no tags.

    Raises:
        ConfigError: for a key or a value that is no text, and an empty key.

    >>> sql_comment({"route": "/posts", "application": "the shop's"})
    " /*application='the%20shop%27s',route='%2Fposts'*/"
    """
    pairs: list[str] = []
    for key, value in sorted((tags or {}).items(), key=lambda one: str(one[0])):
        for text in (key, value):
            if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # users pass what they like
                raise ConfigError(
                    f"sql_comment={{{key!r}: {value!r}}} is no text",
                    hint='write `sql_comment={"application": "shop"}`; what differs between calls goes into `tags=`',
                )
        if not key:
            raise ConfigError("sql_comment has an empty key", hint='write `sql_comment={"application": "shop"}`')
        # Quotes, `*` and `/` are encoded too, so nothing can end the comment.
        pairs.append(f"{quote(key, safe='')}='{quote(value, safe='')}'")
    return f" /*{','.join(pairs)}*/" if pairs else ""
