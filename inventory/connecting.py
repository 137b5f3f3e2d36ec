"""From a source to the connector that reads it. Adding a platform adds a line to `CONNECTORS`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from django.conf import settings

from inventory import receiving, secrets
from inventory.connectors import bundle
from inventory.connectors.base import CollectionFailed, Connector, EventCursor, SessionSink
from inventory.connectors.vsphere import tls
from inventory.connectors.vsphere.connector import VsphereConnector
from inventory.models import Credential, Source

PURPOSE = "source-password"


def password_of(source: Source) -> str:
    """The source's password, or raise CollectionFailed when it has to be typed again."""
    try:
        credential = source.credential
    except Credential.DoesNotExist:
        raise CollectionFailed(
            f"No password is stored for {source.name}.",
            code="no-credential",
            advice="Edit the source and type the password.",
        ) from None
    sealed = secrets.Sealed(
        key_id=credential.key_id,
        nonce=bytes(credential.nonce),
        ciphertext=bytes(credential.ciphertext),
    )
    try:
        return secrets.unseal(sealed, purpose=PURPOSE, row_id=source.pk, to=destination_of(source))
    except secrets.CannotOpen as error:
        raise CollectionFailed(
            f"The stored password of {source.name} does not open: {error}.",
            code="sealed",
            advice="If the key ring was lost, put it back. Otherwise edit the source and type the "
            "password again.",
        ) from None


def destination_of(source: Source) -> secrets.Destination:
    return secrets.destination(url=source.url, trust=source.trust, trust_pem=source.trust_pem)


def vsphere(
    *,
    url: str,
    username: str,
    password: str,
    trust: str,
    trust_pem: str,
    attributes: dict[str, str] | None = None,
    session_sink: SessionSink | None = None,
    events_since: EventCursor | None = None,
) -> VsphereConnector:
    """A connector to the vCenter at this address, or raise CollectionFailed."""
    return VsphereConnector(
        url=url,
        username=username,
        password=password,
        trust=TRUST[trust](trust_pem),
        attributes=attributes,
        session_sink=session_sink,
        events_since=events_since,
    )


TRUST: dict[str, Callable[[str], tls.Trust]] = {
    Source.Trust.SYSTEM: lambda _: tls.SystemTrust(),
    Source.Trust.CA: tls.CaTrust,
    Source.Trust.PIN: tls.PinnedTrust,
}


def _vsphere(source: Source, session_sink: SessionSink | None) -> Connector:
    return vsphere(
        url=source.url,
        username=source.username,
        password=password_of(source),
        trust=source.trust,
        trust_pem=source.trust_pem,
        attributes=source.attribute_mapping,
        session_sink=session_sink,
        events_since=EventCursor(
            at=source.events_at, key=source.events_key, until=source.events_until
        ),
    )


def _bundle(source: Source, session_sink: SessionSink | None) -> Connector:
    if source.takes_files:
        return receiving.connector_of(source, now=datetime.now(UTC))
    return bundle.at_address(source.url, folder=settings.BASE_DIR, now=datetime.now(UTC))


def _workbook(source: Source, session_sink: SessionSink | None) -> Connector:
    return receiving.connector_of(source, now=datetime.now(UTC))


CONNECTORS: dict[str, Callable[[Source, SessionSink | None], Connector]] = {
    Source.Connector.VSPHERE: _vsphere,
    Source.Connector.BUNDLE: _bundle,
    Source.Connector.RVTOOLS: _workbook,
}


def connect(source: Source, *, session_sink: SessionSink | None = None) -> Connector:
    """The connector of a source, ready to collect; or raise CollectionFailed."""
    return CONNECTORS[source.connector](source, session_sink)
