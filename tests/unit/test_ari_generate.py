"""The generator: names are Asterisk's, overrides must fit, and what is checked in holds together."""

from __future__ import annotations

import copy
import inspect
import tomllib
from typing import Any

import pytest

from telephony.ari import generate
from telephony.ari._generated import models, resources
from telephony.ari.generate_models import models_source
from telephony.ari.generate_resources import resources_source
from telephony.ari.resource import Resource

DOCS: dict[str, dict[str, Any]] = {
    "doors": {
        "apis": [
            {
                "path": "/doors/{doorId}",
                "operations": [
                    {
                        "httpMethod": "POST",
                        "nickname": "open",
                        "summary": "Open a door.",
                        "responseClass": "Door",
                        "errorResponses": [{"code": 404}],
                        "parameters": [
                            {"name": "doorId", "paramType": "path", "dataType": "string"},
                            {"name": "from", "paramType": "query", "dataType": "string", "required": True},
                            {"name": "wide", "paramType": "query", "dataType": "boolean"},
                            {"name": "variables", "paramType": "body", "dataType": "containers"},
                        ],
                    }
                ],
            }
        ],
        "models": {
            "Door": {
                "properties": {"id": {"type": "string", "required": True}, "colour": {"type": "string"}}
            },
            "Message": {"properties": {"type": {"type": "string", "required": True}}, "subTypes": ["Event"]},
            "Event": {
                "properties": {"timestamp": {"type": "Date", "required": True}},
                "subTypes": ["DoorOpened"],
            },
            "DoorOpened": {"properties": {"door": {"type": "Door", "required": True}}},
        },
    }
}
NOTHING: dict[str, Any] = {"skip": [], "skip_models": [], "parameters": {}, "fields": {}}


def test_an_operation_becomes_a_method_of_its_nickname() -> None:
    source = resources_source(DOCS, NOTHING)
    assert "async def open(self, *, doorId: str, from_: str, wide: bool | None = None, " in source
    assert '"from": from_' in source and 'body={"variables": variables}' in source


def test_optional_fields_default_to_nothing_and_events_are_told_apart_by_type() -> None:
    source = models_source(DOCS, NOTHING)
    assert "    colour: str | None = None" in source and "    id: str\n" in source
    assert "class DoorOpened(Event, frozen=True, kw_only=True, tag=True)" in source


@pytest.mark.parametrize(
    ("table", "value"),
    [
        ("skip", ["doors.close"]),
        ("skip_models", ["Window"]),
        ("parameters", {"doors.open.narrow": "int"}),
        ("fields", {"Door.size": "int"}),
    ],
)
def test_an_override_that_fits_nothing_is_an_error(table: str, value: object) -> None:
    overrides = copy.deepcopy(NOTHING) | {table: value}
    with pytest.raises(ValueError, match="narrow|close|Window|size"):
        models_source(DOCS, overrides)
        resources_source(DOCS, overrides)


def test_the_same_documents_give_the_same_source() -> None:
    backwards = {"doors": {**DOCS["doors"], "models": dict(reversed(DOCS["doors"]["models"].items()))}}
    assert models_source(DOCS, NOTHING) == models_source(backwards, NOTHING)


def test_every_override_stands_in_the_checked_in_source() -> None:
    overrides = tomllib.loads((generate.HERE / "overrides.toml").read_text(encoding="utf-8"))
    for path, hint in overrides["parameters"].items():
        resource, nickname, parameter = path.split(".")
        method = getattr(getattr(resources, resource[0].upper() + resource[1:]), nickname)
        assert inspect.signature(method).parameters[parameter].annotation.startswith(hint)
    for path, hint in overrides["fields"].items():
        model, field = path.split(".")
        assert getattr(models, model).__annotations__[field] == hint


def test_all_parameters_are_given_by_name() -> None:
    classes = [one for _, one in inspect.getmembers(resources, inspect.isclass) if issubclass(one, Resource)]
    methods = [
        method
        for one in classes
        for name, method in inspect.getmembers(one, inspect.iscoroutinefunction)
        if not name.startswith("_")
    ]
    assert len(methods) > 90
    for method in methods:
        kinds = {
            parameter.kind
            for name, parameter in inspect.signature(method).parameters.items()
            if name != "self"
        }
        assert kinds <= {inspect.Parameter.KEYWORD_ONLY}
