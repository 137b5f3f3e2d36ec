"""Bringing a file to a source over the REST interface."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.http import Http404
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from inventory import receiving, uploads
from inventory.errors import NotPossible, Refused
from inventory.models import SyncRun

REFUSED = {
    400: OpenApiResponse(description="The file is refused; `detail` says why. Nothing was kept."),
    409: OpenApiResponse(description="Not now, or not here; `detail` says why."),
    413: OpenApiResponse(description="The file is too large."),
}


class UploadSerializer(serializers.Serializer[Any]):
    file = serializers.FileField(
        allow_empty_file=True, help_text="A signed bundle or an RVTools workbook."
    )
    collected_at = serializers.DateTimeField(
        required=False, help_text="When a workbook was exported that does not say it."
    )


class UploadedRunSerializer(serializers.ModelSerializer[SyncRun]):
    """The run that reads the file: follow it at `sync-runs/{id}/`."""

    class Meta:
        model = SyncRun
        fields = ("id", "source", "state", "requested_at", "upload")
        read_only_fields = fields


class TakesFiles:
    """The action of a source; the viewset says who may."""

    @extend_schema(
        request={"multipart/form-data": UploadSerializer},
        responses={200: UploadedRunSerializer, 202: UploadedRunSerializer, **REFUSED},
    )
    @action(detail=True, methods=["post"], parser_classes=[MultiPartParser])
    def bundle(self, request: Request, pk: str) -> Response:
        """Bring a file; answers 202 with the run that will read it, 200 if one already has it."""
        source = self.get_object()  # type: ignore[attr-defined]
        if not request.user.sees_everything:  # type: ignore[union-attr]
            raise Http404  # a source belongs to the whole estate
        if uploads.is_too_large(request):
            return _said(uploads.TOO_LARGE, status.HTTP_413_REQUEST_ENTITY_TOO_LARGE)
        typed = UploadSerializer(data=request.data)
        typed.is_valid(raise_exception=True)
        file = typed.validated_data["file"]
        try:
            run, is_new = receiving.receive(
                source=source,
                file=file,
                name=file.name,
                by=request.user,  # type: ignore[arg-type]
                now=datetime.now(UTC),
                collected_at=typed.validated_data.get("collected_at"),
            )
        except Refused as error:
            return _said(str(error), status.HTTP_400_BAD_REQUEST)
        except NotPossible as error:
            return _said(str(error), status.HTTP_409_CONFLICT)
        code = status.HTTP_202_ACCEPTED if is_new else status.HTTP_200_OK
        return Response(UploadedRunSerializer(run).data, status=code)


def _said(sentence: str, code: int) -> Response:
    return Response({"detail": sentence}, status=code)
