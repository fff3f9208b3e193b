"""Names of Python for names of a database: identifiers, classes, singular and plural.

The rule for English words is small and always the same; `--name table=Class` says otherwise where it is wrong:

- `people`, `men`, `women`, `children`, `mice`, `geese`, `feet`, `teeth` have their own singular;
- `news`, `series`, `species`, and what ends in `ss`, `us` or `is`, has none;
- `-ies` becomes `-y`; `-sses`, `-shes`, `-ches`, `-xes`, `-zes` lose `es`; any other `-s` is dropped.
"""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from typing import Final

IRREGULAR: Final[Mapping[str, str]] = {
    "people": "person",
    "men": "man",
    "women": "woman",
    "children": "child",
    "mice": "mouse",
    "geese": "goose",
    "feet": "foot",
    "teeth": "tooth",
    "statuses": "status",
    "analyses": "analysis",
    "addresses": "address",
    "buses": "bus",
    "movies": "movie",
    "cookies": "cookie",
    "indices": "index",
}
UNCHANGED: Final = frozenset({"news", "series", "species", "data", "media", "metadata"})
_PLURAL_OF: Final = {one: many for many, one in IRREGULAR.items()}
_WORDS: Final = re.compile(r"[^\W_]+")
_HUMPS: Final = re.compile(r"(?<=[^\W\d_A-Z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=\d)(?=[A-Z][a-z])")


def singular(word: str) -> str:
    """Return an English word, in lower case, for one.

    >>> [singular(word) for word in ("users", "categories", "boxes", "people", "status", "glass")]
    ['user', 'category', 'box', 'person', 'status', 'glass']
    """
    if word in IRREGULAR:
        return IRREGULAR[word]
    if word in UNCHANGED or word.endswith(("ss", "us", "is")) or len(word) < 3:
        return word
    if word.endswith("ies") and len(word) > 4:
        return f"{word[:-3]}y"
    if word.endswith(("sses", "shes", "ches", "xes", "zes")):
        return word[:-2]
    return word.removesuffix("s")


def plural(word: str) -> str:
    """Return an English word, in lower case, for many.

    >>> [plural(word) for word in ("user", "category", "day", "box", "person", "news")]
    ['users', 'categories', 'days', 'boxes', 'people', 'news']
    """
    if word in _PLURAL_OF:
        return _PLURAL_OF[word]
    if word in UNCHANGED or word in IRREGULAR or not word.isascii():
        return word
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return f"{word[:-1]}ies"
    return f"{word}es" if word.endswith(("s", "sh", "ch", "x", "z")) else f"{word}s"


def words(name: str) -> list[str]:
    """Return the words of a name of a database, in lower case, in the letters that Python compares.

    >>> words("createdAt"), words("Order Items"), words("HTTPServer_v2")
    (['created', 'at'], ['order', 'items'], ['http', 'server', 'v2'])
    """
    # Python reads identifiers in this form, so that two spellings of a letter are one name.
    text = unicodedata.normalize("NFKC", name)
    found = [part.lower() for word in _WORDS.findall(text) for part in _HUMPS.split(word)]
    kept = [
        "".join(letter for letter in unicodedata.normalize("NFKC", word) if f"a{letter}".isidentifier())
        for word in found
    ]
    return [word for word in kept if word]


def identifier(name: str, otherwise: str) -> str:
    """Return a name as a variable is written; `otherwise` stands for what has no letters, and before a digit.

    >>> identifier("First Name", "column"), identifier("2fa", "column"), identifier("%", "column")
    ('first_name', 'column_2fa', 'column')
    """
    if name.isidentifier() and name == name.lower() == unicodedata.normalize("NFKC", name):
        text = name.lstrip("_")
    else:
        text = "_".join(words(name))
    if not text:
        return otherwise
    return text if text.isidentifier() else f"{otherwise}_{text}"


def camel(name: str, otherwise: str) -> str:
    """Return a name as a class is written.

    >>> camel("order_items", "Table"), camel("2fa", "Table")
    ('OrderItems', 'Table2fa')
    """
    text = "".join(word[:1].upper() + word[1:] for word in words(name))
    text = unicodedata.normalize("NFKC", text)
    if not text:
        return otherwise
    return text if text.isidentifier() else f"{otherwise}{text}"


def class_name(table: str) -> str:
    """Return the class for a table: its words, the last one for one row.

    >>> class_name("order_items"), class_name("PEOPLE"), class_name("blog posts")
    ('OrderItem', 'Person', 'BlogPost')
    """
    parts = words(table)
    return camel("_".join([*parts[:-1], singular(parts[-1])]) if parts else "", "Table")


def snake(name: str) -> str:
    """Return a class's name as a member is written.

    >>> snake("OrderItem"), snake("HTTPServer")
    ('order_item', 'http_server')
    """
    return identifier(name, "row")


def plural_snake(name: str) -> str:
    """Return a class's name as a member that holds many is written.

    >>> plural_snake("OrderItem")
    'order_items'
    """
    *before, last = snake(name).split("_")
    return "_".join([*before, plural(last)])


def is_free(name: str, taken: Container[str]) -> bool:
    """Whether a name may be given: it is no word of Python, and not taken."""
    return name not in taken and not keyword.iskeyword(name)


def first_free(candidates: Sequence[str], taken: Container[str], *, mark: str = "_") -> str:
    """Return the first candidate that is free, else the last one with a number.

    >>> first_free(["user", "user_row"], {"user", "user_row"})
    'user_row_2'
    """
    for candidate in candidates:
        if is_free(candidate, taken):
            return candidate
    number = 2
    while not is_free(f"{candidates[-1]}{mark}{number}", taken):
        number += 1
    return f"{candidates[-1]}{mark}{number}"


def members(names: Iterable[str], reserved: Collection[str]) -> dict[str, str]:
    """Return a member for each column, all of them different: columns that are one already keep their names.

    >>> members(["Name", "name", "class", "int"], {"int"})
    {'Name': 'name_2', 'name': 'name', 'class': 'class_', 'int': 'int_'}
    """
    columns = list(names)
    wanted = {column: identifier(column, "column") for column in columns}
    given: dict[str, str] = {}
    for column in sorted(columns, key=lambda column: wanted[column] != column):
        name = wanted[column]
        taken = {*given.values(), *reserved}
        if keyword.iskeyword(name) or name in reserved:
            name = f"{name}_"
        given[column] = first_free([name], taken, mark="" if name.endswith("_") else "_")
    return {column: given[column] for column in columns}
