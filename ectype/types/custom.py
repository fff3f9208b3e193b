"""Types of the application's own: what they are made of, and the guard between their code and everything else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from types import CodeType
from typing import Any, ClassVar, Final, Generic, TypeVar, cast, get_args, get_origin

from ectype.errors import CastError, SchemaError
from ectype.result import Err, Ok
from ectype.types.base import Codec, FieldType, JsonForm, Target, Type
from ectype.types.containers import JSON_LIST, JSON_OBJECT, ArrayType
from ectype.types.refusals import refused
from ectype.types.scalars import Scalar, is_scalar
from ectype.types.values import BY_CLASS

T = TypeVar("T")
S = TypeVar("S")

_COROUTINE: Final = 0x80
_NEEDED: Final = ("cast", "dump", "load")


class CustomType(FieldType[T], Generic[T, S]):
    """A field type of your own: values of `T`, stored as `S`.

    It stands in `field(type=Slug)` or `Annotated[str, Slug]`; with options, as an instance: `field(type=Slug(80))`.
    None never reaches its methods. Values are immutable, unless `S` is a list or a dict. What its code raises becomes
    a `CastError` that names the method.

    Attributes:
        python: the class of the values, where it is another than the first name in the brackets.

    Raises (when the class is made):
        SchemaError: the brackets are missing, `S` is nothing that is stored, or a method is missing.

    >>> class Slug(CustomType[str, str]):
    ...     def cast(self, value: object) -> Ok[str] | Err:
    ...         return Ok(value.strip().lower()) if isinstance(value, str) else Err()
    ...
    ...     def dump(self, value: str) -> str:
    ...         return value
    ...
    ...     def load(self, stored: str) -> str:
    ...         return stored
    >>> CustomField.of(Slug).cast(" Ada ")
    Ok('ada')
    """

    python: ClassVar[Any] = None
    autogenerate: Callable[[], Any] | None = None
    """A method that makes a value at insert where the field has none; None: there is no such method."""

    def cast(self, value: object) -> Ok[T] | Err:
        """Turn a value from outside into one of this type, or say why not: `Ok(value)`, `Err()`, `Err("is odd")`."""
        raise self._missing("cast", value)

    def dump(self, value: T) -> S:
        """Return what is stored for a value."""
        raise self._missing("dump", value)

    def load(self, stored: S) -> T:
        """Return the value that was stored."""
        raise self._missing("load", stored)

    def equal(self, left: T, right: T) -> bool:
        """Whether two values are the same for change detection."""
        return left == right

    def _missing(self, method: str, value: object) -> SchemaError:
        message = f"{self.__class__.__name__} has no `{method}` for a {value.__class__.__name__}"
        return SchemaError(message, hint=_HINTS[method])

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        _check_class(cls)

    def __eq__(self, other: object) -> bool:
        return other.__class__ is self.__class__ and vars(other) == vars(self)

    def __hash__(self) -> int:
        return hash(self.__class__)

    def __repr__(self) -> str:
        options = ", ".join(f"{name}={value!r:.60}" for name, value in vars(self).items())
        return f"{self.__class__.__name__}({options})"


def _arguments(cls: type[Any]) -> tuple[Any, ...] | None:
    """Return what stands in the brackets of the nearest `CustomType[…]` among the bases."""
    for one in cls.__mro__:
        for base in vars(one).get("__orig_bases__", ()):
            if get_origin(base) is CustomType:
                return get_args(base)
    return None


def _check_class(cls: type[CustomType[Any, Any]]) -> None:
    arguments = _arguments(cls)
    name = cls.__name__
    if arguments is None:
        raise SchemaError(
            f"{name} does not say what its values are and how they are stored",
            hint=f"write `class {name}(CustomType[str, str])`: the class of its values, and what a column holds",
        )
    if getattr(cls, "__parameters__", ()):  # a base for others, that still leaves something open
        return
    _storage(cls)
    for method in _NEEDED:
        found = getattr(cls, method)
        if found is getattr(CustomType, method):
            raise SchemaError(f"{name} has no `{method}`", hint=_HINTS[method])
        code = getattr(found, "__code__", None)
        if isinstance(code, CodeType) and code.co_flags & _COROUTINE:
            raise SchemaError(
                f"`{name}.{method}` is async, and types do no I/O", hint=f"write it without: `def {method}(…)`"
            )


_HINTS: Final = {
    "cast": "add `def cast(self, value: object) -> Ok[…] | Err: …`, which takes what forms and JSON hold",
    "dump": "add `def dump(self, value: …) -> …: return value`, which gives what is stored",
    "load": "add `def load(self, stored: …) -> …: return stored`, which takes what was stored",
}


def _storage(cls: type[Any]) -> Type[Any]:
    stored = (_arguments(cls) or (None, None))[1]
    origin, inside = get_origin(stored), get_args(stored)
    found = BY_CLASS.get(stored) if origin is None and isinstance(stored, type) else None
    if stored is dict or origin is dict:
        found = JSON_OBJECT
    elif stored is list or (origin is list and inside[0] in (Any, object)):
        found = JSON_LIST
    elif origin is list and inside[0] in BY_CLASS and is_scalar(BY_CLASS[inside[0]]):
        found = ArrayType(BY_CLASS[inside[0]])
    if found is None:
        known = ", ".join(one.__name__ for one in BY_CLASS)
        raise SchemaError(
            f"{cls.__name__} is stored as {stored!r:.80}, and no column holds that",
            hint=f"the second name in CustomType[…, …] is one of {known}, or a list of one of them",
        )
    return found


def custom_of(given: Any) -> CustomType[Any, Any]:
    """Return a custom type that was given as a class or an instance.

    Raises:
        SchemaError: the class has options that were not given.
    """
    if not isinstance(given, type):
        return cast("CustomType[Any, Any]", given)
    try:
        return cast("CustomType[Any, Any]", given())
    except TypeError as exc:
        raise SchemaError(
            f"{given.__name__} takes options, and none were given: {exc}", hint=f"write `{given.__name__}(…)`"
        ) from exc


@dataclass(frozen=True, slots=True)
class CustomField(Scalar[Any]):
    """A custom type as a field has it: its code is called with values of the right class, and its answers are checked.

    Attributes:
        custom: the application's type.
        stores: the type that stores what it dumps.
    """

    custom: CustomType[Any, Any]
    stores: Type[Any]

    @classmethod
    def of(cls, given: Any) -> CustomField:
        """Return the field type of a custom type, given as a class or an instance.

        Raises:
            SchemaError: the class is unfinished or has options that were not given.
        """
        custom = custom_of(given)
        return cls(custom, _storage(custom.__class__))

    @property
    def name(self) -> str:
        """The class's name."""
        return self.custom.__class__.__name__

    @property
    def python(self) -> Any:
        """What the class says its values are."""
        return self.custom.python or (_arguments(self.custom.__class__) or (Any,))[0]

    @property
    def mutable(self) -> bool:  # type: ignore[override]  # what a class says elsewhere depends on the storage here
        """Whether it is stored as a list or a document."""
        return self.stores.mutable

    def cast(self, value: object) -> Ok[Any] | Err:
        """Ask the type's own `cast`."""
        outcome: object = self._ask("cast", value)
        if isinstance(outcome, Err) and "type" in outcome.meta:
            # It may say what validated the value, and more; the type is the field's.
            return Err(outcome.message, {key: said for key, said in outcome.meta.items() if key != "type"})
        if isinstance(outcome, Ok | Err):
            return cast("Ok[Any] | Err", outcome)
        raise CastError(
            f"`{self.name}.cast` returned a {outcome.__class__.__name__}, neither Ok nor Err",
            hint="return Ok(value), or Err() for what does not fit",
        )

    def codec(self, target: Target) -> Codec:
        """Return how the type's own `dump` and `load` stand before those of what it is stored as."""
        inner = self.stores.codec(target)
        chained = {
            name: partial(self._loaded, first)
            for name in ("text_load", "text_load_slow")
            if (first := getattr(inner, name)) is not None
        }
        load = partial(self._ask, "load") if inner.load is None else partial(self._loaded, inner.load)
        return replace(
            inner,
            dump=partial(self._dumped, inner.dump),
            many=None,
            load=load,
            inline=None,
            names={},
            **cast("Any", chained),
        )

    def json_form(self) -> JsonForm | None:
        """Return what JSON makes of the values: what it makes of their class, else of what they are stored as."""
        known = BY_CLASS.get(self.python) if isinstance(self.python, type) else None
        if known is not None and known.mutable is False:
            return known.json_form()
        form = self.stores.json_form()
        if form is None:
            return None
        after = form.dump

        def said(value: Any) -> Any:
            made = self._ask("dump", value)
            return made if after is None else after(made)

        return replace(form, dump=said)

    def dumped_by(self, dump: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Return the type's own `dump`, followed by that of another form of what it is stored as."""
        return partial(self._dumped, dump)

    def loaded_by(self, load: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Return the type's own `load`, after that of another form of what it is stored as."""
        return partial(self._loaded, load)

    def equal(self, left: Any, right: Any) -> bool:
        """Ask the type's own `equal` about two values of its class; values of others are never equal to them."""
        if not (self._is_value(left) and self._is_value(right)):
            return False
        try:
            return bool(self.custom.equal(left, right))
        except Exception as exc:
            raise self._failed("equal", exc) from exc

    def _is_value(self, value: object) -> bool:
        kind = get_origin(self.python) or self.python
        return not isinstance(kind, type) or isinstance(value, kind)

    def _ask(self, method: str, value: Any) -> Any:
        try:
            return getattr(self.custom, method)(value)
        except CastError:
            raise
        except Exception as exc:
            raise self._failed(method, exc) from exc

    def _failed(self, method: str, exc: Exception) -> CastError:
        # Not its text: that may hold the value, which may be one that is never shown.
        hint = "return Err() for what does not fit" if method == "cast" else f"let `{method}` take every value"
        return CastError(f"`{self.name}.{method}` raised {exc.__class__.__name__}", hint=hint)

    def _dumped(self, dump: Callable[[Any], Any], value: Any) -> Any:
        if not self._is_value(value):
            raise refused(value, f"a value of {self.name}", hint="cast it through a changeset")
        made = self._ask("dump", value)
        if made is None:
            raise CastError(f"`{self.name}.dump` returned None", hint="only None is stored as NULL")
        try:
            return dump(made)
        except CastError as exc:
            exc.add_note(f"that is what `{self.name}.dump` returned")
            raise

    def _loaded(self, first: Callable[[Any], Any], stored: Any) -> Any:
        return self._ask("load", first(stored))
