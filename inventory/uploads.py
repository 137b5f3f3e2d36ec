"""How much of a request is read at all: what is larger than any file we take is not."""

from __future__ import annotations

from typing import Any, Final

from django.core.files.uploadhandler import FileUploadHandler, StopUpload
from django.http import HttpRequest

from inventory.receiving import MOST_BYTES

SLACK: Final = 64 * 1024  # what a form says beside its file
TOO_LARGE: Final = f"The file is larger than {MOST_BYTES // 1024**2} MiB."


class SizeLimit(FileUploadHandler):
    """Stops reading before the first byte of a file that is too large; the form itself was read."""

    def __init__(self, request: HttpRequest | None = None) -> None:
        super().__init__(request)
        self._is_too_large = False

    def handle_raw_input(self, input_data: Any, META: Any, content_length: int, *_: Any) -> None:
        self._is_too_large = content_length > MOST_BYTES + SLACK

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        if self._is_too_large:
            raise StopUpload(connection_reset=True)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        return raw_data  # to whoever keeps it

    def file_complete(self, file_size: int) -> None:
        return None


def is_too_large(request: Any) -> bool:
    """Whether the request was larger than is read, so that its file is not there."""
    length = str(request.META.get("CONTENT_LENGTH") or "")
    return length.isascii() and length.isdigit() and int(length) > MOST_BYTES + SLACK
