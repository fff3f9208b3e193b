"""Which schemas exist, by name, so that an annotation may mention one that is defined elsewhere or later."""

from __future__ import annotations

from typing import Any
from weakref import WeakSet

from ectype.errors import SchemaError


class Registry:
    """The schemas of one application, held weakly. `Schema` has one per process; a base class may bring its own.

    Attributes:
        objects: what `database_object` declared, in order, by kind and name.

    Example:
        `class AppSchema(Schema, abstract=True, registry=Registry()): ...`
    """

    def __init__(self) -> None:
        self._schemas: dict[str, WeakSet[Any]] = {}
        self.objects: dict[tuple[object, ...], Any] = {}

    def add(self, schema: type[Any]) -> None:
        """Remember a schema class under its name."""
        self._schemas.setdefault(schema.__name__, WeakSet()).add(schema)

    def schemas(self) -> tuple[type[Any], ...]:
        """Return the schemas that are alive, by module and name."""
        found = [one for ones in self._schemas.values() for one in ones]
        return tuple(sorted(found, key=lambda one: (one.__module__, one.__qualname__)))

    def keep(self, made: Any, key: tuple[object, ...]) -> None:
        """Remember a database object. The same may be declared again, as a module that is reloaded does.

        Raises:
            SchemaError: when another one has its kind and name.
        """
        if self.objects.setdefault(key, made) != made:
            raise SchemaError(
                f"the {made.kind} `{made.name}` is declared twice, and differently",
                hint="drop one of the two `database_object(…)`, or give its application a registry of its own",
            )

    def find(self, name: str) -> type[Any] | None:
        """Return the only schema of that name, None when there is none.

        Raises:
            SchemaError: when two modules define one each.
        """
        found = list(self._schemas.get(name, ()))
        if len(found) > 1:
            modules = " and ".join(sorted(f"`{one.__module__}.{one.__qualname__}`" for one in found))
            raise SchemaError(
                f"`{name}` could be {modules}",
                hint="import the one you mean into the module of the annotation, or give one of them a registry of "
                "its own: `class Base(Schema, abstract=True, registry=Registry())`",
            )
        return found[0] if found else None


class RegistryScope(dict[str, object]):
    """A registry as the last scope in which a forward reference is looked up."""

    def __init__(self, registry: Registry) -> None:
        super().__init__()
        self.registry = registry

    def __missing__(self, name: str) -> object:
        found = self.registry.find(name)
        if found is None:
            raise KeyError(name)
        return found
