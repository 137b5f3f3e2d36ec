"""The parameter `as_of` of the REST interface."""

from __future__ import annotations

from datetime import datetime

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from inventory import history

AS_OF = OpenApiParameter(
    "as_of",
    OpenApiTypes.DATETIME,
    description="What was true at this moment: the assets known then, with their records of then.",
)


def asked(request: Request) -> datetime | None:
    """The moment that was asked about, None for now; or raise ValidationError."""
    typed = request.query_params.get("as_of")
    at = history.moment(typed)
    if typed and at is None:
        raise ValidationError({"as_of": ["This is not a moment such as 2026-01-31T12:00Z."]})
    return at
