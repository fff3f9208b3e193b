"""Whatever a cast has taken is said in JSON as the documentation promises, and a client may send it back."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import TypeAdapter

from ectype import change, changeset_schema, json_schema
from ectype.types import BeyondDate, BeyondDateTime
from tests.integration.repo.every_type import EDGES, NAMES, SENT, Everything

FIELDS = Everything.__schema__.fields
COLUMNS: dict[str, Any] = Everything.__schema__.source.columns
ADAPTER = TypeAdapter(Everything)
PROMISED = Draft202012Validator(json_schema(Everything))
TAKEN = Draft202012Validator(changeset_schema(change(Everything).cast({}, *(COLUMNS[name] for name in NAMES))))
ONE_WAY = ("data", "bytes_list")
"""Bytes are said in base64, and cast from text, as in Ecto."""


def check(params: dict[str, Any]) -> None:
    changeset = change(Everything).cast(params, *(COLUMNS[name] for name in params))
    struct = Everything(id=1, **changeset.changes)
    said = json.loads(ADAPTER.dump_json(struct))
    assert said == ADAPTER.dump_python(struct, mode="json")
    PROMISED.validate(said)
    back = {name: value for name, value in said.items() if name in params and value is not None}
    TAKEN.validate(back)
    again = change(Everything).cast(back, *(COLUMNS[name] for name in back if name not in ONE_WAY))
    assert again.errors == ()
    for name, value in again.changes.items():
        assert FIELDS[name].type.equal(value, changeset.changes[name]), (name, value)


@pytest.mark.parametrize("name", NAMES)
def test_every_edge_that_was_taken_is_said_and_may_be_sent_back(name: str) -> None:
    for value in EDGES:
        check({name: value})


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_whatever_was_taken_is_said_and_may_be_sent_back(data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=8, unique=True))
    check({name: data.draw(SENT, label=name) for name in chosen})


@given(st.timedeltas())
def test_any_duration_may_be_sent_back(span: timedelta) -> None:
    check({"duration": span, "durations": [span]})


def test_what_json_does_not_have_is_said_by_its_text_or_as_null() -> None:
    struct = Everything(
        id=1, real=float("nan"), day=BeyondDate.of("infinity"), moment=BeyondDateTime.of("10000-01-01 00:00:00+00")
    )
    said = json.loads(ADAPTER.dump_json(struct))
    assert (said["real"], said["day"], said["moment"]) == (None, "infinity", "10000-01-01 00:00:00+00")
    PROMISED.validate(said)


def test_a_moment_is_said_in_utc() -> None:
    struct = Everything(id=1, moment=datetime(2026, 11, 1, 9, 2, 3, 5, tzinfo=UTC))
    assert json.loads(ADAPTER.dump_json(struct))["moment"] == "2026-11-01T09:02:03.000005Z"
