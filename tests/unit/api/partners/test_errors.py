import json

import pytest

from towpath.api.partners.errors import Faults, PartnersErrors, fault, told
from towpath.core.errors import ConfigError, ConflictError


def test_faults_lie_where_the_body_has_them():
    found = Faults(
        [
            (("name",), "a"),
            (("name",), "b"),
            (("targets", 1, "entities", 2, "id"), "c"),
            (("targets", 0), "d"),
            ((), "e"),
        ]
    )
    assert found.body == {
        "name": ["a", "b"],
        "targets": [{"non_field_errors": ["d"]}, {"entities": [{}, {}, {"id": ["c"]}]}],
        "non_field_errors": ["e"],
    }


def test_a_part_that_is_wrong_as_a_whole_has_no_parts_of_its_own():
    assert Faults([(("a",), "whole"), (("a", 0, "b"), "part")]).body == {"a": ["whole"]}
    assert Faults([(("a", "b"), "part"), (("a",), "whole")]).body == {
        "a": {"b": ["part"], "non_field_errors": ["whole"]}
    }


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("deliveries", {"targets": ["no"]}),
        ("deliveries.0.destination", {"targets": [{"destination_id": ["no"]}]}),
        ("deliveries.1.readings.0.every", {"targets": [{}, {"entities": [{"entity_timer_id": ["no"]}]}]}),
        ("path", {"credentials": {"path": ["no"]}}),
        ("", {"credentials": {"non_field_errors": ["no"]}}),
    ],
)
def test_what_services_refuse_is_said_in_words_of_the_family(field, body):
    with pytest.raises(Faults) as faults, told("connector", "credentials"):
        raise ConfigError("a.b", "no", hint="", field=field)
    assert faults.value.body == body


def test_only_names_that_are_taken_are_faults():
    with pytest.raises(Faults), told("connector", "credentials"):
        raise ConflictError("integration.exists", "x", hint="")
    with pytest.raises(ConflictError), told("connector", "credentials"):
        raise ConflictError("flow.in_use", "x", hint="")


def test_shapes():
    problems = [{"loc": ["body", "a"], "msg": "Why not.", "type": "value_error"}]
    answer = PartnersErrors().invalid(problems)
    assert (answer.status_code, json.loads(answer.body)) == (400, {"a": ["Why not."]})
    assert fault("x", "a", 0).body == {"a": [{"non_field_errors": ["x"]}]}
