"""Every message that the library puts into a changeset, in Ecto's words, and the gettext template made of them.

A message is the key of its translation, so changing one loses the translations that people have. What is not Ecto's
(https://hexdocs.pm/ecto/Ecto.Changeset.html) says so.
"""

from __future__ import annotations

from typing import Final, NamedTuple

BLANK: Final = "can't be blank"
INVALID: Final = "is invalid"
FORMAT: Final = "has invalid format"
RESERVED: Final = "is reserved"
ENTRY: Final = "has an invalid entry"
CONFIRMATION: Final = "does not match confirmation"
ACCEPTANCE: Final = "must be accepted"
TAKEN: Final = "has already been taken"
MISSING: Final = "does not exist"
REFERRED_BY_ONE: Final = "is still associated with this entry"
REFERRED_BY_MANY: Final = "are still associated with this entry"
EXCLUDED: Final = "violates an exclusion constraint"
STALE: Final = "is stale"

LENGTHS: Final = {
    ("string", "is"): "should be %{count} character(s)",
    ("string", "min"): "should be at least %{count} character(s)",
    ("string", "max"): "should be at most %{count} character(s)",
    ("binary", "is"): "should be %{count} byte(s)",
    ("binary", "min"): "should be at least %{count} byte(s)",
    ("binary", "max"): "should be at most %{count} byte(s)",
    ("list", "is"): "should have %{count} item(s)",
    ("list", "min"): "should have at least %{count} item(s)",
    ("list", "max"): "should have at most %{count} item(s)",
    ("map", "is"): "should have %{count} item(s)",
    ("map", "min"): "should have at least %{count} item(s)",
    ("map", "max"): "should have at most %{count} item(s)",
}
"""The messages of `validate_length`, by the kind of value and the rule."""

NUMBERS: Final = {
    "less_than": "must be less than %{number}",
    "greater_than": "must be greater than %{number}",
    "less_than_or_equal_to": "must be less than or equal to %{number}",
    "greater_than_or_equal_to": "must be greater than or equal to %{number}",
    "equal_to": "must be equal to %{number}",
    "not_equal_to": "must be not equal to %{number}",
}
"""The messages of `validate_number`, by the rule."""


class Entry(NamedTuple):
    """One message of the template.

    Attributes:
        message: its text with its gaps.
        origin: who says it.
    """

    message: str
    origin: str

    @property
    def plural(self) -> bool:
        """Whether a number decides on its form, as in Phoenix: those with `%{count}`."""
        return "%{count}" in self.message


CATALOGUE: Final = (
    Entry(INVALID, "cast, validate_inclusion, check_constraint"),
    Entry("has a time zone: write value.replace(tzinfo=None)", "cast, of a naive datetime; not in Ecto"),
    Entry(BLANK, "cast, validate_required, validate_confirmation"),
    Entry(FORMAT, "validate_format"),
    Entry(RESERVED, "validate_exclusion"),
    Entry(ENTRY, "validate_subset"),
    Entry(CONFIRMATION, "validate_confirmation"),
    Entry(ACCEPTANCE, "validate_acceptance"),
    *(Entry(message, "validate_length") for message in dict.fromkeys(LENGTHS.values())),
    *(Entry(message, "validate_number") for message in NUMBERS.values()),
    Entry(TAKEN, "unique_constraint, unsafe_validate_unique"),
    Entry(MISSING, "foreign_key_constraint, assoc_constraint"),
    Entry(REFERRED_BY_ONE, "no_assoc_constraint"),
    Entry(REFERRED_BY_MANY, "no_assoc_constraint"),
    Entry(EXCLUDED, "exclusion_constraint"),
    Entry(STALE, "stale_error_field"),
)
"""All messages; `ectype/locale/ectype.pot` has them for translators."""

TEXTS: Final = frozenset([entry.message for entry in CATALOGUE])
"""The messages alone."""

_HEAD = r"""# The messages of ectype's changesets. Copy this file to <language>/LC_MESSAGES/ectype.po and translate.
# What stands in %{…} is filled in when a message is shown, and stays as it is.
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\n"
"Content-Transfer-Encoding: 8bit\n"
"MIME-Version: 1.0\n"
"Plural-Forms: nplurals=INTEGER; plural=EXPRESSION;\n"
"""


def template() -> str:
    """Return the text of the gettext template, `ectype/locale/ectype.pot`.

    >>> "should have %{count} item(s)" in template()
    True
    """
    return "\n".join([_HEAD, *(_block(entry) for entry in CATALOGUE)])


def _block(entry: Entry) -> str:
    text = entry.message.replace("\\", "\\\\").replace('"', '\\"')
    if entry.plural:
        forms = f'msgid "{text}"\nmsgid_plural "{text}"\nmsgstr[0] ""\nmsgstr[1] ""'
    else:
        forms = f'msgid "{text}"\nmsgstr ""'
    return f"#. {entry.origin}\n{forms}\n"
