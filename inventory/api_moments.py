"""Moments and scope in requests of the REST interface."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from accounts.models import User
from inventory import history

AS_OF = OpenApiParameter(
    "as_of",
    OpenApiTypes.DATETIME,
    description="What was true at this moment: the assets known then, with their records of then.",
)


def asked(request: Request, name: str = "as_of") -> datetime | None:
    """The moment that was asked about, None for now; or raise ValidationError."""
    typed = request.query_params.get(name)
    at = history.moment(typed)
    if typed and at is None:
        raise ValidationError({name: ["This is not a moment such as 2026-01-31T12:00Z."]})
    return at


def sees_everything(serializer: serializers.BaseSerializer[Any]) -> bool:
    """Whether it speaks to somebody who sees the whole estate."""
    request = serializer.context.get("request")  # none while the description is generated
    user = getattr(request, "user", None)
    return isinstance(user, User) and user.sees_everything
