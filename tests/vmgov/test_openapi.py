"""The committed description of the API is the one this code gives."""

from pathlib import Path

import pytest
import yaml
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiYamlRenderer
from drf_spectacular.validation import validate_schema

ROOT = Path(__file__).resolve().parents[2]
COMMITTED = ROOT / "docs" / "openapi.yaml"


@pytest.fixture(scope="module")
def generated() -> bytes:
    schema = SchemaGenerator().get_schema(request=None, public=True)
    validate_schema(schema)
    rendered: bytes = OpenApiYamlRenderer().render(schema, renderer_context={})
    return rendered


def test_the_committed_description_is_current(generated: bytes):
    assert COMMITTED.read_bytes() == generated, "run `make docs`"


def test_every_operation_wants_a_session_or_a_token(generated: bytes):
    description = yaml.safe_load(generated)

    assert description["openapi"].startswith("3.1")
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            assert {"token": []} in operation["security"], (method, path)
            assert {} not in operation["security"], (method, path)
