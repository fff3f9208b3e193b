"""Several operations as one value: named steps that run in order, in one transaction, all or nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias, TypeVar, Unpack, cast, final, overload

from ectype.errors import ConfigError
from ectype.expr.operand import Assignment, Attr
from ectype.query.builder import Query
from ectype.query.conflicts import OnConflict
from ectype.repo.call import CallOptions, WriteOptions
from ectype.repo.outcomes import Outcome
from ectype.repo.repo import Repo
from ectype.repo.steps import UNNAMED, Operation, Options, Plan, Results, Step, check, name_taken, perform, plain
from ectype.schema.changeset import Changeset
from ectype.schema.schema import Of, Schema
from ectype.schema.table_parts import Index

M = TypeVar("M", bound=Schema)
T = TypeVar("T")
A = TypeVar("A")
Z = TypeVar("Z")
R = TypeVar("R")

Subject: TypeAlias = Changeset[M] | M | Callable[[Results], Changeset[M] | M]
"""What is written: a changeset, a struct, or a function of the results so far that makes one."""
Rows: TypeAlias = Iterable[Mapping[str, object] | M] | Query[Any, Any, Any]
Targets: TypeAlias = Attr[M, Any] | Sequence[Attr[M, Any]] | Index[M]


@final
class Multi(Plan):
    """Named steps to be run by `repo.transact`, as a value that never changes: each method returns a longer one.

    Wherever a step takes a value it also takes a function of the results so far, as `lambda done: …`; it is called in
    the transaction. Names are whatever has a hash, and each stands once. A step fails by an exception, by a changeset
    that is refused, or by returning `Invalid`: then nothing is stored, and `transact` raises MultiError. The options
    of a step are those of the repo's call of that name.

    Attributes:
        steps: the steps, in order.

    Example:
        multi = (
            Multi()
            .insert("user", registration(User, params))
            .insert("post", lambda done: Post(title="First", author_id=done["user"].id))
            .run("mail", send_welcome)
        )
        results = await repo.transact(multi)
    """

    __slots__ = ("steps",)

    def __init__(self, steps: tuple[Operation, ...] = ()) -> None:
        """Make an empty one; `steps` are those of another."""
        self.steps: Final = steps

    def __repr__(self) -> str:
        return "Multi()" + "".join(f".{one!r}" for one in self.steps)

    def __len__(self) -> int:
        return len(self.steps)

    def __bool__(self) -> bool:
        return True

    # --- one row

    def insert(
        self,
        name: Step[M] | Hashable,
        subject: Subject[M],
        *,
        on_conflict: OnConflict[M] | None = None,
        conflict_target: Targets[M] | None = None,
        **options: Unpack[CallOptions],
    ) -> Multi:
        """Insert a row; the result is its struct."""
        return self._with(
            name,
            "insert",
            subject,
            on_conflict=on_conflict,
            conflict_target=conflict_target,
            **options,
        )

    def update(
        self,
        name: Step[M] | Hashable,
        changeset: Changeset[M] | Callable[[Results], Changeset[M]],
        *,
        force: bool = False,
        **options: Unpack[WriteOptions],
    ) -> Multi:
        """Send the changes of a changeset; the result is the struct as it is now stored."""
        return self._with(name, "update", changeset, force=force, **options)

    def insert_or_update(
        self,
        name: Step[M] | Hashable,
        changeset: Changeset[M] | Callable[[Results], Changeset[M]],
        **options: Unpack[WriteOptions],
    ) -> Multi:
        """Insert the struct of a changeset when it is new, update it when it was loaded; the result is its struct."""
        return self._with(name, "insert_or_update", changeset, **options)

    def delete(
        self,
        name: Step[M] | Hashable,
        subject: Subject[M],
        **options: Unpack[WriteOptions],
    ) -> Multi:
        """Delete a row; the result is its struct in the state `deleted`."""
        return self._with(name, "delete", subject, **options)

    def upsert(
        self,
        name: Step[Outcome[M]] | Hashable,
        subject: Subject[M],
        *,
        on_conflict: OnConflict[M],
        conflict_target: Targets[M] | None = None,
        **options: Unpack[CallOptions],
    ) -> Multi:
        """Insert a row or do what `on_conflict` says; the result is `Inserted`, `Updated` or `Ignored`."""
        return self._with(
            name,
            "upsert",
            subject,
            on_conflict=on_conflict,
            conflict_target=conflict_target,
            **options,
        )

    # --- many rows

    @overload
    def insert_all(
        self,
        name: Step[int] | Hashable,
        model: Of[M],
        rows: Rows[M] | Callable[[Results], Rows[M]],
        *,
        on_conflict: OnConflict[M] | None = None,
        conflict_target: Targets[M] | None = None,
        timestamps: bool = False,
        **options: Unpack[CallOptions],
    ) -> Multi: ...
    @overload
    def insert_all(
        self,
        name: Step[list[T]] | Hashable,
        model: Of[M],
        rows: Rows[M] | Callable[[Results], Rows[M]],
        *,
        on_conflict: OnConflict[M] | None = None,
        conflict_target: Targets[M] | None = None,
        returning: Attr[M, T],
        timestamps: bool = False,
        **options: Unpack[CallOptions],
    ) -> Multi: ...
    @overload
    def insert_all(
        self,
        name: Step[list[Any]] | Hashable,
        model: Of[M],
        rows: Rows[M] | Callable[[Results], Rows[M]],
        *,
        on_conflict: OnConflict[M] | None = None,
        conflict_target: Targets[M] | None = None,
        returning: tuple[Attr[M, Any], ...],
        timestamps: bool = False,
        **options: Unpack[CallOptions],
    ) -> Multi: ...
    @overload
    def insert_all(
        self,
        name: Step[list[M]] | Hashable,
        model: Of[M],
        rows: Rows[M] | Callable[[Results], Rows[M]],
        *,
        on_conflict: OnConflict[M] | None = None,
        conflict_target: Targets[M] | None = None,
        returning: Of[M],
        timestamps: bool = False,
        **options: Unpack[CallOptions],
    ) -> Multi: ...
    def insert_all(self, name: Any, model: Any, rows: Any, **options: Any) -> Multi:
        """Insert many rows; the result is how many, or what `returning` asks for."""
        return self._with(name, "insert_all", model, rows, **options)

    @overload
    def update_all(
        self,
        name: Step[int] | Step[list[Any]] | Hashable,
        query: Query[A, Any, Any] | Of[A],
        *assignments: Assignment[A] | Callable[[Results], Assignment[A]],
        returning: Any = None,
        **options: Unpack[CallOptions],
    ) -> Multi: ...
    @overload
    def update_all(
        self,
        name: Step[int] | Step[list[Any]] | Hashable,
        query: Callable[[Results], Query[A, Any, Any]],
        *assignments: Assignment[A] | Callable[[Results], Assignment[A]],
        returning: Any = None,
        **options: Unpack[CallOptions],
    ) -> Multi: ...
    def update_all(self, name: Any, query: Any, *assignments: Any, **options: Any) -> Multi:
        """Change all rows of a query; the result is how many, or what comes back. It fails by no count."""
        return self._with(name, "update_all", query, *assignments, **options)

    @overload
    def delete_all(
        self,
        name: Step[int] | Step[list[Any]] | Hashable,
        query: Query[A, Any, Any] | Of[A],
        *,
        returning: Any = None,
        **options: Unpack[CallOptions],
    ) -> Multi: ...
    @overload
    def delete_all(
        self,
        name: Step[int] | Step[list[Any]] | Hashable,
        query: Callable[[Results], Query[A, Any, Any]],
        *,
        returning: Any = None,
        **options: Unpack[CallOptions],
    ) -> Multi: ...
    def delete_all(self, name: Any, query: Any, **options: Any) -> Multi:
        """Delete all rows of a query; the result is how many, or what comes back. It fails by no count."""
        return self._with(name, "delete_all", query, **options)

    # --- reads

    def all(
        self,
        name: Step[list[R]] | Hashable,
        query: Query[A, Z, R] | Of[R] | Callable[[Results], Query[A, Z, R]],
        **options: Unpack[CallOptions],
    ) -> Multi:
        """Read the rows of a query; the result is a list."""
        return self._with(name, "all", query, **options)

    def one(
        self,
        name: Step[R | None] | Hashable,
        query: Query[A, Z, R] | Of[R] | Callable[[Results], Query[A, Z, R]],
        **options: Unpack[CallOptions],
    ) -> Multi:
        """Read the only row of a query; the result is it or None. More than one fails."""
        return self._with(name, "one", query, **options)

    def get(
        self,
        name: Step[M | None] | Hashable,
        model: type[M],
        key: Callable[[Results], object] | object,
        **options: Unpack[CallOptions],
    ) -> Multi:
        """Read the row with a primary key, or a function of the results that gives it; the result is it or None."""
        return self._with(name, "get", model, key, **options)

    def exists(
        self,
        name: Step[bool] | Hashable,
        query: Query[A, Z, R] | Of[R] | Callable[[Results], Query[A, Z, R]],
        **options: Unpack[CallOptions],
    ) -> Multi:
        """Ask whether a query has rows; the result is a bool."""
        return self._with(name, "exists", query, **options)

    # --- code and values

    def run(self, name: Step[T] | Hashable, work: Callable[[Repo, Results], Awaitable[T]]) -> Multi:
        """Run `await work(repo, done)` in the transaction; the result is what it returns. `Invalid` fails."""
        return self._with(name, "run", work)

    def put(self, name: Step[T] | Hashable, value: T | Callable[[Results], T]) -> Multi:
        """Store a value, or what a function makes of the results so far."""
        return self._with(name, "put", value)

    def error(self, name: Hashable, value: object) -> Multi:
        """Fail with a value, before anything is sent."""
        return self._with(name, "error", value)

    def inspect(self, *only: Step[Any] | Hashable, to: Callable[[Results], object] = print) -> Multi:
        """Show the results so far, or those that are named; `to` takes them, and prints them unless you say else."""
        names = tuple([plain(one) for one in only])
        return Multi((*self.steps, Operation(UNNAMED, "inspect", (to,), {"only": names} if names else {})))

    # --- several

    def merge(self, make: Callable[[Results], Multi]) -> Multi:
        """Run the steps of the Multi that a function makes of the results so far.

        A name of it that is taken raises StepError when it runs.
        """
        return Multi((*self.steps, Operation(UNNAMED, "merge", (make,), {})))

    def append(self, other: Multi) -> Multi:
        """Return these steps and then those of the other. Raises StepError for a name that both have."""
        return _joined(self, other)

    def prepend(self, other: Multi) -> Multi:
        """Return the steps of the other and then these. Raises StepError for a name that both have."""
        return _joined(other, self)

    async def transacted(self, repo: Any, options: Options) -> Results:
        """Run the steps; `repo.transact(multi)` is what calls it."""
        if not self.steps:
            return Results()
        check(self.steps, Results())
        steps = self.steps

        async def work() -> Results:
            done: dict[Hashable, Any] = {}
            await perform(repo, steps, done)
            return Results(done)

        return cast("Results", await repo.transact(work, **options))

    def _with(self, name: Any, kind: str, *args: Any, **options: Any) -> Multi:
        key = plain(name)
        if any(one.name == key for one in self.steps if one.name is not UNNAMED):
            raise name_taken(key)
        given = {option: value for option, value in options.items() if value is not None and value is not False}
        return Multi((*self.steps, Operation(key, kind, args, given)))


def _joined(first: Multi, second: object) -> Multi:
    if not isinstance(second, Multi) or not isinstance(first, Multi):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigError(
            f"a Multi is joined with another Multi, not with {second if isinstance(first, Multi) else first!r:.80}",  # pyright: ignore[reportUnnecessaryIsInstance]
            hint="one that depends on results is made by `merge(lambda done: …)`",
        )
    names = {one.name for one in first.steps if one.name is not UNNAMED}
    for one in second.steps:
        if one.name is not UNNAMED and one.name in names:
            raise name_taken(one.name)
    return Multi((*first.steps, *second.steps))
