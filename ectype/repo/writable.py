"""Changes that may not be written: `field(writable="insert")` at an update, `field(writable="never")` at any write."""

from __future__ import annotations

import warnings
from typing import Any

from ectype.errors import SchemaError
from ectype.schema.changeset import Changeset
from ectype.schema.changeset_data import with_changes
from ectype.schema.meta import OnViolation, SchemaInfo


def writable(changeset: Changeset[Any], verb: str) -> Changeset[Any]:
    """Return the changeset without the changes that this write leaves alone.

    A warning tells of those whose fields ask for one; Python shows it once for each field, unless told otherwise.

    Raises:
        SchemaError: for a field that says `on_writable_violation="raise"`.
    """
    info = changeset.info
    refused = [name for name in info.unwritable[verb] if name in changeset.changes]
    if not refused:
        return changeset
    for name in sorted(refused):
        _told(info, name, verb)
    return with_changes(changeset, {name: value for name, value in changeset.changes.items() if name not in refused})


def _told(info: SchemaInfo, name: str, verb: str) -> None:
    options = info.declarations[name].options
    way: OnViolation = options.on_writable_violation or "nothing"
    if way == "nothing":
        return
    when = "never written" if options.writable == "never" else "written by an insert only"
    message = f"`{info.name}.{name}` is {when}, and a changeset for `{verb}` changes it"
    if way == "raise":
        raise SchemaError(message, hint=f"leave `{info.name}.{name}` out of `cast` and `put_change`")
    warnings.warn(f"{message}: the change is left out", RuntimeWarning, stacklevel=2)
