"""ectype: Ecto's way of working with a database, in async Python.

Schemas that know nothing of connections, changesets, immutable typed queries, one explicit repository, migrations,
and channels that the stock Phoenix JavaScript clients understand. Names are resolved at first use, so that importing
the package loads neither a driver nor the SQL generator.
"""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from ectype import migrations as migrations
    from ectype import telemetry as telemetry
    from ectype.adapters.notifications import Notification as Notification
    from ectype.adapters.notifications import Resync as Resync
    from ectype.adapters.sandbox import sandbox as sandbox
    from ectype.adapters.sandbox_owner import Owner as Owner
    from ectype.errors import CastError as CastError
    from ectype.errors import CommitUnknownError as CommitUnknownError
    from ectype.errors import ConfigError as ConfigError
    from ectype.errors import ConflictIgnoredError as ConflictIgnoredError
    from ectype.errors import ConnectError as ConnectError
    from ectype.errors import ConstraintError as ConstraintError
    from ectype.errors import CursorError as CursorError
    from ectype.errors import DatabaseError as DatabaseError
    from ectype.errors import DeadlineError as DeadlineError
    from ectype.errors import DivisionByZeroError as DivisionByZeroError
    from ectype.errors import EctypeError as EctypeError
    from ectype.errors import FrozenError as FrozenError
    from ectype.errors import IrreversibleError as IrreversibleError
    from ectype.errors import LockNotAvailableError as LockNotAvailableError
    from ectype.errors import MigrationError as MigrationError
    from ectype.errors import MultipleResultsError as MultipleResultsError
    from ectype.errors import NoPrimaryKeyError as NoPrimaryKeyError
    from ectype.errors import NoResultsError as NoResultsError
    from ectype.errors import NotLoadedError as NotLoadedError
    from ectype.errors import OutOfRangeError as OutOfRangeError
    from ectype.errors import OwnershipError as OwnershipError
    from ectype.errors import PoolTimeoutError as PoolTimeoutError
    from ectype.errors import QueryError as QueryError
    from ectype.errors import SchemaError as SchemaError
    from ectype.errors import StaleEntryError as StaleEntryError
    from ectype.errors import StaleStatementError as StaleStatementError
    from ectype.errors import TransactionAbortedError as TransactionAbortedError
    from ectype.errors import TransactionClosedError as TransactionClosedError
    from ectype.errors import UnsupportedError as UnsupportedError
    from ectype.expr import functions

    fn = functions
    from ectype.expr.cases import case as case
    from ectype.expr.constants import escape_like as escape_like
    from ectype.expr.constants import literal as literal
    from ectype.expr.functions import window as window
    from ectype.expr.nesting import all_ as all_
    from ectype.expr.nesting import any_ as any_
    from ectype.expr.nesting import exists as exists
    from ectype.expr.nesting import outer as outer
    from ectype.expr.nesting import scalar as scalar
    from ectype.expr.operand import Agg as Agg
    from ectype.expr.operand import Assignment as Assignment
    from ectype.expr.operand import Column as Column
    from ectype.expr.operand import Expr as Expr
    from ectype.expr.operand import Maybe as Maybe
    from ectype.expr.operand import Operand as Operand
    from ectype.expr.operand import Order as Order
    from ectype.expr.predicates import and_ as and_
    from ectype.expr.predicates import or_ as or_
    from ectype.expr.raw import constant as constant
    from ectype.expr.raw import fragment as fragment
    from ectype.expr.raw import identifier as identifier
    from ectype.expr.raw import splice as splice
    from ectype.expr.tuples import tuple_ as tuple_
    from ectype.query.associated import assoc as assoc
    from ectype.query.builder import Over as Over
    from ectype.query.builder import Q as Q
    from ectype.query.builder import Query as Query
    from ectype.query.builder import from_ as from_
    from ectype.query.builder import maybe as maybe
    from ectype.query.cells import placeholder as placeholder
    from ectype.query.conflicts import OnConflict as OnConflict
    from ectype.query.conflicts import do_nothing as do_nothing
    from ectype.query.conflicts import do_update as do_update
    from ectype.query.conflicts import excluded as excluded
    from ectype.query.conflicts import replace as replace
    from ectype.query.conflicts import replace_all as replace_all
    from ectype.query.conflicts import replace_all_except as replace_all_except
    from ectype.query.partial import only as only
    from ectype.query.refusals import InvalidParamsError as InvalidParamsError
    from ectype.query.sources import source as source
    from ectype.query.sources import values as values
    from ectype.query.subqueries import cte as cte
    from ectype.query.subqueries import subquery as subquery
    from ectype.repo.block import RolledBack as RolledBack
    from ectype.repo.block import Transaction as Transaction
    from ectype.repo.call import CallOptions as CallOptions
    from ectype.repo.call import WriteOptions as WriteOptions
    from ectype.repo.explain_calls import ExplainOptions as ExplainOptions
    from ectype.repo.hooks import QueryContext as QueryContext
    from ectype.repo.hooks import TransactionOptions as TransactionOptions
    from ectype.repo.multi import Multi as Multi
    from ectype.repo.outcomes import Ignored as Ignored
    from ectype.repo.outcomes import Inserted as Inserted
    from ectype.repo.outcomes import Updated as Updated
    from ectype.repo.pages import Page as Page
    from ectype.repo.plan import Plan as Plan
    from ectype.repo.positions import Position as Position
    from ectype.repo.raw import Result as Result
    from ectype.repo.repo import ReadRepo as ReadRepo
    from ectype.repo.repo import Repo as Repo
    from ectype.repo.repos import Repos as Repos
    from ectype.repo.steps import MultiError as MultiError
    from ectype.repo.steps import Results as Results
    from ectype.repo.steps import Step as Step
    from ectype.repo.steps import StepError as StepError
    from ectype.repo.streaming import Stream as Stream
    from ectype.result import Err as Err
    from ectype.result import Ok as Ok
    from ectype.schema.aliases import alias as alias
    from ectype.schema.association_options import belongs_to as belongs_to
    from ectype.schema.association_options import has_many as has_many
    from ectype.schema.association_options import has_one as has_one
    from ectype.schema.association_options import many_to_many as many_to_many
    from ectype.schema.building import build_assoc as build_assoc
    from ectype.schema.building import reset_fields as reset_fields
    from ectype.schema.changeset import Changeset as Changeset
    from ectype.schema.changeset import change as change
    from ectype.schema.columns import column as column
    from ectype.schema.database_objects import DatabaseObject as DatabaseObject
    from ectype.schema.database_objects import database_object as database_object
    from ectype.schema.database_objects import database_objects as database_objects
    from ectype.schema.embeds import Embed as Embed
    from ectype.schema.embeds import EmbedsMany as EmbedsMany
    from ectype.schema.embeds import EmbedsOne as EmbedsOne
    from ectype.schema.embeds import embeds_many as embeds_many
    from ectype.schema.embeds import embeds_one as embeds_one
    from ectype.schema.errors import Invalid as Invalid
    from ectype.schema.errors import InvalidChangesetError as InvalidChangesetError
    from ectype.schema.field_error import Error as Error
    from ectype.schema.fields import Field as Field
    from ectype.schema.fields import field as field
    from ectype.schema.fields import primary_key as primary_key
    from ectype.schema.fields import timestamp as timestamp
    from ectype.schema.json_form import json_schema as json_schema
    from ectype.schema.meta import Meta as Meta
    from ectype.schema.meta import meta as meta
    from ectype.schema.params_form import changeset_schema as changeset_schema
    from ectype.schema.params_form import params_of as params_of
    from ectype.schema.reflection import reflect as reflect
    from ectype.schema.registry import Registry as Registry
    from ectype.schema.rel import BelongsTo as BelongsTo
    from ectype.schema.rel import HasMany as HasMany
    from ectype.schema.rel import HasOne as HasOne
    from ectype.schema.rel import ManyToMany as ManyToMany
    from ectype.schema.rel import Rel as Rel
    from ectype.schema.rel import is_loaded as is_loaded
    from ectype.schema.schema import EmbeddedSchema as EmbeddedSchema
    from ectype.schema.schema import Schema as Schema
    from ectype.schema.schema import Timestamps as Timestamps
    from ectype.schema.schemaless import SchemalessChangeset as SchemalessChangeset
    from ectype.schema.structs import evolve as evolve
    from ectype.schema.structs import with_meta as with_meta
    from ectype.schema.structure import structure as structure
    from ectype.schema.table_parts import check as check
    from ectype.schema.table_parts import exclusion as exclusion
    from ectype.schema.table_parts import index as index
    from ectype.schema.table_parts import references as references
    from ectype.schema.table_parts import unique as unique
    from ectype.sql.dialect import POSTGRES as POSTGRES
    from ectype.sql.dialect import SQLITE as SQLITE
    from ectype.types.custom import CustomType as CustomType
    from ectype.types.enums import pg_enum as pg_enum
    from ectype.types.intervals import Interval as Interval
    from ectype.types.network import MacAddress as MacAddress
    from ectype.types.ranges import Range as Range
    from ectype.types.text import ULID as ULID
    from ectype.types.text import CIText as CIText
    from ectype.types.unique import ulid as ulid
    from ectype.types.unique import uuid7 as uuid7
    from ectype.types.vector import Vector as Vector

_ERRORS = (
    "CastError CommitUnknownError ConfigError ConflictIgnoredError ConnectError ConstraintError CursorError "
    "DatabaseError DeadlineError DivisionByZeroError EctypeError FrozenError IrreversibleError LockNotAvailableError "
    "MigrationError MultipleResultsError NoPrimaryKeyError NoResultsError NotLoadedError OutOfRangeError "
    "OwnershipError PoolTimeoutError QueryError SchemaError StaleEntryError StaleStatementError "
    "TransactionAbortedError TransactionClosedError UnsupportedError"
)
_RELATIONS = "BelongsTo HasMany HasOne ManyToMany Rel is_loaded"
_CONFLICTS = "OnConflict do_nothing do_update excluded replace replace_all replace_all_except"

_MODULES = {
    "ectype.adapters.notifications": "Notification Resync",
    "ectype.adapters.sandbox": "sandbox",
    "ectype.adapters.sandbox_owner": "Owner",
    "ectype.errors": _ERRORS,
    "ectype.expr.functions": "window",
    "ectype.expr.cases": "case",
    "ectype.expr.constants": "escape_like literal",
    "ectype.expr.nesting": "all_ any_ exists outer scalar",
    "ectype.expr.operand": "Agg Assignment Column Expr Maybe Operand Order",
    "ectype.expr.predicates": "and_ or_",
    "ectype.expr.raw": "constant fragment identifier splice",
    "ectype.expr.tuples": "tuple_",
    "ectype.query.associated": "assoc",
    "ectype.query.builder": "Over Q Query from_ maybe",
    "ectype.query.cells": "placeholder",
    "ectype.query.conflicts": _CONFLICTS,
    "ectype.query.partial": "only",
    "ectype.query.sources": "source values",
    "ectype.query.refusals": "InvalidParamsError",
    "ectype.query.subqueries": "cte subquery",
    "ectype.repo.call": "CallOptions WriteOptions",
    "ectype.repo.explain_calls": "ExplainOptions",
    "ectype.repo.outcomes": "Ignored Inserted Updated",
    "ectype.repo.pages": "Page",
    "ectype.repo.plan": "Plan",
    "ectype.repo.raw": "Result",
    "ectype.repo.hooks": "QueryContext TransactionOptions",
    "ectype.repo.positions": "Position",
    "ectype.repo.repo": "ReadRepo Repo",
    "ectype.repo.repos": "Repos",
    "ectype.repo.block": "RolledBack Transaction",
    "ectype.repo.multi": "Multi",
    "ectype.repo.steps": "MultiError Results Step StepError",
    "ectype.repo.streaming": "Stream",
    "ectype.result": "Err Ok",
    "ectype.schema.aliases": "alias",
    "ectype.schema.association_options": "belongs_to has_many has_one many_to_many",
    "ectype.schema.building": "build_assoc reset_fields",
    "ectype.schema.changeset": "Changeset change",
    "ectype.schema.columns": "column",
    "ectype.schema.database_objects": "DatabaseObject database_object database_objects",
    "ectype.schema.embeds": "Embed EmbedsMany EmbedsOne embeds_many embeds_one",
    "ectype.schema.errors": "Invalid InvalidChangesetError",
    "ectype.schema.field_error": "Error",
    "ectype.schema.fields": "Field field primary_key timestamp",
    "ectype.schema.json_form": "json_schema",
    "ectype.schema.meta": "Meta meta",
    "ectype.schema.params_form": "changeset_schema params_of",
    "ectype.schema.reflection": "reflect",
    "ectype.schema.registry": "Registry",
    "ectype.schema.rel": _RELATIONS,
    "ectype.schema.schema": "EmbeddedSchema Schema Timestamps",
    "ectype.schema.schemaless": "SchemalessChangeset",
    "ectype.schema.structs": "evolve with_meta",
    "ectype.schema.structure": "structure",
    "ectype.schema.table_parts": "check exclusion index references unique",
    "ectype.sql.dialect": "POSTGRES SQLITE",
    "ectype.types.custom": "CustomType",
    "ectype.types.enums": "pg_enum",
    "ectype.types.intervals": "Interval",
    "ectype.types.network": "MacAddress",
    "ectype.types.ranges": "Range",
    "ectype.types.text": "CIText ULID",
    "ectype.types.unique": "ulid uuid7",
    "ectype.types.vector": "Vector",
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names.split()}

_ROOMS = ("migrations", "telemetry")

__all__ = sorted([*_HOMES, *_ROOMS, "fn"])  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> object:
    if name == "fn":
        found: object = import_module("ectype.expr.functions")
    elif name in _ROOMS:
        found = import_module(f"ectype.{name}")
    elif name in _HOMES:
        found = getattr(import_module(_HOMES[name]), name)
    else:
        raise AttributeError(f"module `ectype` has no name `{name}`")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
