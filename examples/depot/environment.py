"""Reads the environment: plain values out of `importlib.metadata`, no database."""

import re
from dataclasses import dataclass
from importlib.metadata import Distribution as Installed
from importlib.metadata import distributions
from pathlib import Path

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class Found:
    """One distribution as it lies on disk: what its changeset casts, and the rows that belong to it."""

    name: str
    params: dict[str, object]
    files: list[dict[str, object]]
    requirements: list[dict[str, object]]
    entry_points: list[dict[str, object]]


def normalised(name: str) -> str:
    """Return a name as installers compare it (PEP 503).

    >>> normalised("Typing_Extensions")
    'typing-extensions'
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def read_environment() -> list[Found]:
    """Return what is installed, by name; a distribution that is found twice counts once, the first found."""
    found: dict[str, Found] = {}
    for one in distributions():
        name = normalised(one.name or "")
        if name and name not in found:
            found[name] = _read(name, one)
    return [found[name] for name in sorted(found)]


def _read(name: str, installed: Installed) -> Found:
    files = [_file(path, Path(str(installed.locate_file(path)))) for path in installed.files or ()]
    keywords = re.split(r"[,\s]+", _said(installed, "Keywords") or "")
    params: dict[str, object] = {
        "name": name,
        "version": installed.version,
        "summary": _said(installed, "Summary"),
        "keywords": [word for word in keywords if word],
        "size": sum(size for *_, size in files),
    }
    return Found(
        name,
        params,
        [{"path": path, "suffix": suffix, "size": size} for path, suffix, size in files],
        [_requirement(text) for text in installed.requires or ()],
        [{"group": one.group, "name": one.name, "value": one.value} for one in installed.entry_points],
    )


def _said(installed: Installed, key: str) -> str | None:
    return installed.metadata[key] if key in installed.metadata else None  # noqa: SIM401  # typed without `get`


def _file(path: object, where: Path) -> tuple[str, str, int]:
    try:
        size = where.stat().st_size
    except OSError:
        size = 0
    return str(path), where.suffix.lower() or "(none)", size


def _requirement(text: str) -> dict[str, object]:
    before, _, marker = text.partition(";")
    match = _NAME.match(before.strip())
    name = match.group() if match else before.strip()
    rest = before.strip()[len(name) :].strip()
    return {"name": normalised(name), "specifier": rest, "extra": "extra" in marker}
