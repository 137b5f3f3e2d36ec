"""The shipped policy document in the database, so that pages, filters and the API can join it."""

from __future__ import annotations

import msgspec
from django.db import transaction

from policies import registry
from policies.document import Document, load, refuse_strangers
from policies.models import PolicyDocument, Statement


class Loaded(msgspec.Struct, frozen=True):
    """What loading a document changed."""

    title: str
    version: str
    added: int
    changed: int
    removed: int
    unchanged: int

    def __str__(self) -> str:
        return (
            f"{self.title} {self.version}: {self.added} added, {self.changed} changed, "
            f"{self.removed} removed, {self.unchanged} unchanged."
        )


def load_shipped() -> Loaded:
    """Bring the tables up to date with the shipped document, or raise BadDocument."""
    document = load()
    refuse_strangers(document, registry.all_checks())
    return synchronise(document)


@transaction.atomic
def synchronise(document: Document) -> Loaded:
    """Make the rows say what the document says. Doing it twice changes nothing."""
    row, _ = PolicyDocument.objects.update_or_create(
        slug=document.slug,
        defaults={
            "title": document.title,
            "version": document.version,
            "summary": document.summary.strip(),
        },
    )
    stale = {each.code: each for each in row.statements.select_for_update()}
    added = changed = unchanged = 0
    for position, statement in enumerate(document.statements):
        values = {
            "area": statement.area.value,
            "title": statement.title,
            "text": statement.text.strip(),
            "why": statement.why.strip(),
            "basis": ",".join(basis.value for basis in statement.basis),
            "severity": statement.severity.value,
            "position": position,
        }
        existing = stale.pop(statement.id, None)
        if existing is None:
            Statement.objects.create(document=row, code=statement.id, **values)
            added += 1
        elif any(getattr(existing, name) != value for name, value in values.items()):
            Statement.objects.filter(pk=existing.pk).update(**values)
            changed += 1
        else:
            unchanged += 1
    Statement.objects.filter(pk__in=[each.pk for each in stale.values()]).delete()
    return Loaded(document.title, document.version, added, changed, len(stale), unchanged)
