"""The steps of a Multi as data: what they are called, what they give, and how they run and fail."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from inspect import isawaitable
from types import MappingProxyType
from typing import Any, Final, Generic, TypedDict, TypeVar, cast, final, overload

from ectype.adapters.base import Isolation
from ectype.errors import ConfigError, EctypeError, did_you_mean
from ectype.schema.changeset import Changeset
from ectype.schema.errors import InvalidChangesetError
from ectype.schema.meta import meta

T = TypeVar("T")

_RUN_ON: Final = 80
"""How much of a value a repr shows."""


class StepError(EctypeError, KeyError):
    """A name of a Multi's step that is taken already, or that no result was stored under."""

    __str__ = Exception.__str__


@final
class Step(Generic[T]):
    """The name of a step, with the type of what it gives, for checkers; it is the same name as its bare value.

    It has no hash: the bare value is the key.

    Example:
        user = Step[User]("user")
        multi = Multi().insert(user, changeset).insert("post", lambda done: Post(author_id=done[user].id))
    """

    __slots__ = ("name",)
    name: Final[Hashable]

    def __init__(self, name: Hashable) -> None:
        self.name = name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Step) and self.name == cast("Step[Any]", other).name

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Step({self.name!r})"


@final
class Results(Mapping[Hashable, Any]):
    """What the steps of a Multi gave, by name, in the order in which they ran; it cannot be changed.

    `results["user"]` is of any type to checkers, `results[Step[User]("user")]` a User.

    >>> Results({"user": 1})["usr"]
    Traceback (most recent call last):
        ...
    ectype.repo.steps.StepError: no step has given a result named 'usr'
    <BLANKLINE>
    hint: did you mean `user`?
    """

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[Hashable, Any] = MappingProxyType({})) -> None:
        self._values = values

    @overload
    def __getitem__(self, name: Step[T], /) -> T: ...
    @overload
    def __getitem__(self, name: Hashable, /) -> Any: ...
    def __getitem__(self, name: Any, /) -> Any:
        """Return the result of a step. Raises StepError, which is a KeyError, when there is none."""
        key = plain(name)
        try:
            return self._values[key]
        except KeyError:
            hint = did_you_mean(str(key), [str(known) for known in self._values])
            raise StepError(f"no step has given a result named {key!r}", hint=hint) from None

    def __iter__(self) -> Iterator[Hashable]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Results({dict(self._values)!r})"


class MultiError(EctypeError):
    """A step of a Multi failed, and nothing of it is stored.

    Attributes:
        step: the name of the step; None where it has no name (`merge`, `inspect`).
        value: the changeset that was refused, the exception that was raised (it is the `__cause__` too), or what
            `error` was given.
        so_far: what the steps before it gave; it has been rolled back.
    """

    def __init__(self, step: Hashable, value: Any, so_far: Results) -> None:
        which = "a step without a name" if step is None else f"the step {step!r}"
        super().__init__(
            f"{which} of a Multi failed: {_reason(value)}",
            hint="nothing of it is stored; `exc.value` is why, `exc.so_far` what the steps before it gave",
        )
        self.step = step
        self.value = value
        self.so_far = so_far

    def __reduce__(self) -> tuple[Any, ...]:
        return self.__class__, (self.step, self.value, self.so_far)


def _reason(value: object) -> str:
    if isinstance(value, Changeset):
        return InvalidChangesetError(cast("Changeset[Any]", value)).message
    if isinstance(value, EctypeError):
        return f"{value.__class__.__name__}: {value.message}"
    return f"{value!r:.200}"


class Options(TypedDict):
    """How a transaction runs, as `transact` takes it."""

    isolation: Isolation | None
    read_only: bool
    deferrable: bool
    timeout: float | None
    retries: int


class Plan(ABC):
    """Work that is data: what `transact` takes beside functions."""

    __slots__ = ()

    @abstractmethod
    async def transacted(self, repo: Any, options: Options) -> Results:
        """Run it in one transaction of a repo, and return what its steps gave."""


UNNAMED: Final = object()
"""The name of a step that gives no result."""


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """One step.

    Attributes:
        name: what its result is called; `UNNAMED` for none.
        kind: the method of Multi that made it.
        args: what it was given; a function stands for a value that is made of the results so far.
        options: the options that were given.
    """

    name: Hashable
    kind: str
    args: tuple[Any, ...]
    options: Mapping[str, Any]

    def __repr__(self) -> str:
        named = () if self.name is UNNAMED else (f"{self.name!r}",)
        given = (f"{name}={_said(value)}" for name, value in self.options.items())
        return f"{self.kind}({', '.join((*named, *map(_said, self.args), *given))})"


def _said(value: object) -> str:
    """Return a value as it stands in code, cut where it is long."""
    if isinstance(value, type) or is_function(value):
        name: str = getattr(value, "__qualname__", repr(value)).rpartition(".")[2]
        return "lambda done: …" if name == "<lambda>" else name
    text = repr(value)
    return text if len(text) <= _RUN_ON else f"{text[:_RUN_ON]}…"


def plain(name: Any) -> Hashable:
    """Return the bare value of a step's name. Raises StepError for one that cannot be a name."""
    bare: object = cast("Step[Any]", name).name if isinstance(name, Step) else name
    try:
        hash(bare)
    except TypeError as exc:
        raise StepError(
            f"a step cannot be called {bare!r:.80}: it has no hash", hint="use a text, a number or a tuple of them"
        ) from exc
    return bare


def is_function(value: object) -> bool:
    """Whether an argument is a function of the results; classes and aliases can be called too, and are values."""
    return callable(value) and not isinstance(value, type) and not hasattr(value, "__source__")


def check(steps: Sequence[Operation], so_far: Results) -> None:
    """Raise MultiError for the first step that can be seen to fail before anything is sent."""
    for one in steps:
        if one.kind == "error":
            raise MultiError(one.name, one.args[0], so_far)
        subject = one.args[0] if one.args else None
        if one.kind in _OF_A_CHANGESET and isinstance(subject, Changeset):
            changeset = cast("Changeset[Any]", subject)
            if not changeset.valid:
                refused = changeset.with_action(_verb(one.kind, changeset))
                raise MultiError(one.name, refused, so_far) from InvalidChangesetError(refused)


_OF_A_CHANGESET = frozenset({"insert", "update", "insert_or_update", "delete", "upsert"})


def _verb(kind: str, changeset: Changeset[Any]) -> str:
    if kind == "insert_or_update":
        return "insert" if meta(changeset.data).state == "built" else "update"
    return "insert" if kind == "upsert" else kind


async def perform(repo: Any, steps: Sequence[Operation], done: dict[Hashable, Any]) -> None:
    """Run steps in order, and put what they give into `done`.

    Raises:
        MultiError: one failed.
        StepError: a merged Multi has a name that is taken.
    """
    for one in steps:
        value = await _guarded(repo, one, done)
        if one.kind == "merge":
            taken = next((inner.name for inner in value if inner.name is not UNNAMED and inner.name in done), UNNAMED)
            if taken is not UNNAMED:
                raise name_taken(taken)
            check(value, Results(done.copy()))
            await perform(repo, value, done)
        elif one.name is not UNNAMED:
            done[one.name] = value


def name_taken(name: Hashable) -> StepError:
    """Return the error for two steps of one name."""
    return StepError(
        f"a Multi has two steps named {name!r}",
        hint="give each a name of its own: a tuple makes many, as in `('post', number)`",
    )


async def _guarded(repo: Any, one: Operation, done: dict[Hashable, Any]) -> Any:
    """Run one step; whatever it raises or refuses becomes a MultiError."""
    name = None if one.name is UNNAMED else one.name
    try:
        value = await _run(repo, one, Results(done))
    except InvalidChangesetError as exc:
        raise MultiError(name, exc.changeset, Results(done.copy())) from exc
    except Exception as exc:
        raise MultiError(name, exc, Results(done.copy())) from exc
    if getattr(value.__class__, "rolls_back", False) is True:
        raise MultiError(name, getattr(value, "changeset", value), Results(done.copy()))
    return value


async def _run(repo: Any, one: Operation, done: Results) -> Any:
    if one.kind == "run":
        running = one.args[0](repo, done)
        if not isawaitable(running):
            raise ConfigError(
                f"`run` of a Multi takes an async function, and {one.args[0]!r:.80} returned {running!r:.80}",
                hint="write it with `async def`; what needs no database is `put(name, lambda done: …)`",
            )
        return await running
    if one.kind == "inspect":
        names: tuple[Hashable, ...] = one.options.get("only", ())
        one.args[0](Results({name: done[name] for name in names}) if names else Results(dict(done)))
        return None
    args = [value(done) if is_function(value) else value for value in one.args]
    if one.kind == "put":
        return args[0]
    if one.kind == "merge":
        steps: object = getattr(args[0], "steps", None)
        if not isinstance(args[0], Plan) or not isinstance(steps, tuple):
            raise ConfigError(f"the function of `merge` returns a Multi, and it returned {args[0]!r:.80}")
        return cast("tuple[Operation, ...]", steps)
    call: Callable[..., Awaitable[Any]] = getattr(repo, one.kind)
    return await call(*args, **one.options)
