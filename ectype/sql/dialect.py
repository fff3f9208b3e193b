"""What a database can do and how it says it, as frozen data: ask for a capability, never for a name."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any, cast

from ectype.sql.lines import in_lines
from ectype.types.base import Target


@dataclass(frozen=True, slots=True)
class Dialect:
    """One SQL dialect: how it names, stores, and what it is able to do.

    Attributes:
        name: for messages and telemetry only; code asks for the capabilities below.
        target: the storage format of values.
        sqlglot: the name of the generator that prints the SQL.
        version: the server's version as a pair; (0, 0) means the oldest one supported.
        max_params: how many parameters one statement takes.
        max_identifier: how many bytes an identifier may have.
        name_quote: the quotes of a name that is looked up in any case. SQLite may take a name between double quotes
            that nothing has for text.
        limit_sees_around: a LIMIT may mention columns of the query around.
        null_limit: a LIMIT of NULL is none.
        array_params: a list can be one parameter, compared with `= ANY($1)`.
        upsert_after_select: `INSERT … SELECT … FROM t ON CONFLICT …` is not taken for a join.
        exact_decimals: decimals are numbers in the database, not text.
        division_raises: dividing by zero is an error, and not NULL.
        sum_widens: `sum` of integers has a wider type than its column, and is cast back.
        text_select: some types are read faster as text, in the outermost select only.
        column_aliases: a table function's columns can be named, as in `f(…) AS t(a, b)`.
        lateral_functions: a table function in a join sees the tables before it without the word LATERAL.
        hinted_writes: an UPDATE or DELETE takes a hint after its table.
        nulls_are_largest: where an ORDER BY that does not say puts NULL: after all values, not before them.
        jsonb: documents are values of a type of their own, not text.
        ranges: what lies between two values is a value, and not text.
        intervals: moments and spans of time are values, not text and numbers.
        quantified_comparison: `x > ALL (SELECT …)`.
        ordered_aggregates: `string_agg(x, ',' ORDER BY y)`.
        ordered_sets: `percentile_cont(0.5) WITHIN GROUP (ORDER BY x)`.
        search_tables: texts are searched in tables of their own kind (FTS5), not in any column.
        code_point_collation: the name of the order of text by code point.
        combine_all: `INTERSECT ALL` and `EXCEPT ALL` exist.
        with_ties: a limit may give the rows that are equal to its last one too.
        delete_using: a DELETE may join other tables.
        returning_joined: what an UPDATE or DELETE returns may come from joined tables.
        returning_alias: what is returned knows the written table by its alias; else by its own name.
        index_options: indexes have methods, further columns and rules for NULL.
        exclusion_constraints: `EXCLUDE USING gist (…)` exists.
        comments: tables, columns, indexes and constraints keep comments.
        server_collations: collations are objects of the server, of any name.
        transaction_id: the expression for the id of the transaction that writes; None where there is none.
        explain_options: EXPLAIN takes options, and may run what it explains.
        late_validation: a constraint can be added now, and the rows that exist checked later.
        virtual_columns_since: from which version on a generated column may be computed when it is read.
    """

    name: str
    target: Target
    sqlglot: str
    placeholder: str
    version: tuple[int, int]
    max_params: int
    max_identifier: int
    name_quote: str
    limit_sees_around: bool
    null_limit: bool
    array_params: bool
    unnest_insert: bool
    upsert_after_select: bool
    ilike: bool
    distinct_on: bool
    lateral: bool
    right_and_full_join: bool
    data_modifying_cte: bool
    alter_column: bool
    schemas: bool
    row_locks: bool
    aggregate_bool: bool
    exact_decimals: bool
    division_raises: bool
    sum_widens: bool
    text_select: bool
    nulls_are_largest: bool
    jsonb: bool
    ranges: bool
    intervals: bool
    quantified_comparison: bool
    regular_expressions: bool
    ordered_aggregates: bool
    ordered_sets: bool
    math_functions: bool
    search_tables: bool
    code_point_collation: str
    bare_offset: bool
    parenthesised_union: bool
    upsert_tells: bool
    nameless_foreign_keys: bool
    column_aliases: bool
    lateral_functions: bool
    hinted_writes: bool
    combine_all: bool
    with_ties: bool
    delete_using: bool
    returning_joined: bool
    returning_alias: bool
    index_options: bool
    exclusion_constraints: bool
    comments: bool
    server_collations: bool
    explain_options: bool
    late_validation: bool
    virtual_columns_since: tuple[int, int]
    transaction_id: str | None

    def to_sql(self, node: Any, params: tuple[object, ...], *, pretty: bool = False) -> tuple[str, tuple[object, ...]]:
        """Return the text of a query's shape, and its parameters as the driver gets them."""
        # The compiler loads sqlglot, which takes longer than all the rest: only when text is asked for.
        statement = cast("Any", import_module("ectype.sql.compiler")).compile_select(node, self)
        return in_lines(statement.sql) if pretty else statement.sql, tuple(statement.dump(params))


POSTGRES = Dialect(
    name="PostgreSQL",
    target="postgres",
    sqlglot="postgres",
    placeholder="$",
    version=(13, 0),
    max_params=32_767,
    max_identifier=63,
    name_quote='"',
    limit_sees_around=True,
    null_limit=True,
    array_params=True,
    unnest_insert=True,
    upsert_after_select=True,
    ilike=True,
    distinct_on=True,
    lateral=True,
    right_and_full_join=True,
    data_modifying_cte=True,
    alter_column=True,
    schemas=True,
    row_locks=True,
    aggregate_bool=True,
    exact_decimals=True,
    division_raises=True,
    sum_widens=True,
    text_select=True,
    nulls_are_largest=True,
    jsonb=True,
    ranges=True,
    intervals=True,
    quantified_comparison=True,
    regular_expressions=True,
    ordered_aggregates=True,
    ordered_sets=True,
    math_functions=True,
    search_tables=False,
    code_point_collation='"C"',
    bare_offset=True,
    parenthesised_union=True,
    upsert_tells=True,
    nameless_foreign_keys=False,
    column_aliases=True,
    lateral_functions=False,
    hinted_writes=False,
    combine_all=True,
    with_ties=True,
    delete_using=True,
    returning_joined=True,
    returning_alias=True,
    index_options=True,
    exclusion_constraints=True,
    comments=True,
    server_collations=True,
    explain_options=True,
    late_validation=True,
    virtual_columns_since=(18, 0),
    transaction_id="pg_current_xact_id()::text",
)

SQLITE = Dialect(
    name="SQLite",
    target="sqlite",
    sqlglot="sqlite",
    placeholder="?",
    version=(3, 37),
    max_params=32_766,
    max_identifier=1_000,
    name_quote="`",
    limit_sees_around=False,
    null_limit=False,
    array_params=False,
    unnest_insert=False,
    upsert_after_select=False,
    ilike=False,
    distinct_on=False,
    lateral=False,
    right_and_full_join=False,
    data_modifying_cte=False,
    alter_column=False,
    schemas=False,
    row_locks=False,
    aggregate_bool=False,
    exact_decimals=False,
    division_raises=False,
    sum_widens=False,
    text_select=False,
    nulls_are_largest=False,
    jsonb=False,
    ranges=False,
    intervals=False,
    quantified_comparison=False,
    regular_expressions=False,
    ordered_aggregates=False,
    ordered_sets=False,
    math_functions=False,
    search_tables=True,
    code_point_collation="BINARY",
    bare_offset=False,
    parenthesised_union=False,
    upsert_tells=False,
    nameless_foreign_keys=True,
    column_aliases=False,
    lateral_functions=True,
    hinted_writes=True,
    combine_all=False,
    with_ties=False,
    delete_using=False,
    returning_joined=False,
    returning_alias=False,
    index_options=False,
    exclusion_constraints=False,
    comments=False,
    server_collations=False,
    explain_options=False,
    late_validation=False,
    virtual_columns_since=(0, 0),
    transaction_id=None,
)
