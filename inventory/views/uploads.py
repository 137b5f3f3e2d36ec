"""Files that are brought: the form on a source's page, and the sources that live on them."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from accounts.access import SignedInRequest, requires
from accounts.permissions import Permission
from inventory import bringing, receiving, uploads
from inventory.connectors import signing
from inventory.errors import NotPossible
from inventory.forms_uploads import FilesSourceForm, UploadForm
from inventory.models import Source


@requires(Permission.RUN_START)
@require_POST
def upload(request: SignedInRequest, pk: int) -> HttpResponse:
    """Take a file; a worker reads it."""
    if not request.user.sees_everything:
        raise Http404  # a source belongs to the whole estate
    found = get_object_or_404(Source.objects.visible_to(request.user), pk=pk)
    form = UploadForm(request.POST, request.FILES)
    if not form.is_valid():
        told = uploads.TOO_LARGE if uploads.is_too_large(request) else form.first_error
        messages.error(request, told)
        return redirect("inventory:source", pk=found.pk)
    file = form.cleaned_data["file"]
    try:
        run, is_new = receiving.receive(
            source=found,
            file=file,
            name=file.name,
            by=request.user,
            now=timezone.now(),
            collected_at=form.cleaned_data["collected_at"],
        )
    except NotPossible as problem:
        messages.error(request, str(problem))
        return redirect("inventory:source", pk=found.pk)
    if not is_new:
        messages.info(request, "This run has the file already. Nothing was changed.")
    return redirect("inventory:run", pk=run.pk)


@requires(Permission.SOURCE_MANAGE)
def add(request: SignedInRequest) -> HttpResponse:
    """Add a source that cannot be reached from here."""
    if not request.user.sees_everything:
        raise Http404
    form = FilesSourceForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = bringing.add(by=request.user, now=timezone.now(), **form.fields_of_source)
        except NotPossible as problem:
            form.add_error(None, str(problem))
        else:
            messages.success(request, f"{made.name} was added. Bring its first file.")
            return redirect("inventory:source", pk=made.pk)
    return render(request, "inventory/source_files_form.html", {"form": form})


def edit(request: SignedInRequest, found: Source) -> HttpResponse:
    """Change such a source. Whoever calls has looked who asks."""
    form = FilesSourceForm(request.POST or None, source=found)
    if request.method == "POST" and form.is_valid():
        fields = {n: v for n, v in form.fields_of_source.items() if n != "connector"}
        try:
            changed = bringing.change(
                source_id=found.pk, by=request.user, now=timezone.now(), **fields
            )
        except NotPossible as problem:
            form.add_error(None, str(problem))
        else:
            messages.success(request, f"{changed.name} was changed.")
            return redirect("inventory:source", pk=changed.pk)
    context = {"form": form, "source": found, "key": key_of(found)}
    return render(request, "inventory/source_files_form.html", context)


def key_of(found: Source) -> str:
    """The fingerprint of the key whose bundles are accepted; "" when there is none."""
    try:
        return signing.fingerprint(signing.read_public(found.trusted_key))
    except ValueError:
        return ""
