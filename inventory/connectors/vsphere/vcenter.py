"""vCenter itself: its settings, licences, alarms and sessions, and its content libraries."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from inventory.connectors.base import Count, Item
from inventory.connectors.vsphere import events, libraries, questions
from inventory.connectors.vsphere.failures import no_rights
from inventory.connectors.vsphere.making import Making
from inventory.connectors.vsphere.mapping import access
from inventory.connectors.vsphere.mapping import libraries as images
from inventory.connectors.vsphere.mapping.facts import Facts, dicts
from inventory.connectors.vsphere.mapping.sessions import sessions
from inventory.connectors.vsphere.reading import explained
from inventory.connectors.vsphere.xml import SoapFault
from inventory.records import Kind


class VCenter:
    """Described first: who cannot even be described is not collected."""

    def __init__(self, making: Making) -> None:
        self._making = making
        self.contents: libraries.Contents | None = None  # of content libraries, once known

    def described(self, *, with_libraries: bool = True) -> Iterator[Item]:
        """Its record and what could not be read of it; or raise CollectionFailed.

        Without libraries those stand in it that were read last, if any were.
        """
        making, content, notes = self._making, self._making.content, list[Item]()
        try:
            notes += self._root_folder()
            settings = making.manager_list(content.settings, "setting", Kind.PLATFORM, notes)
            extensions = making.manager_list(
                content.extension_manager, "extensionList", Kind.PLATFORM, notes
            )
            licences = making.manager_list(
                content.license_manager, "licenses", Kind.PLATFORM, notes
            )
            logins = making.manager_list(
                content.session_manager, "sessionList", Kind.PLATFORM, notes
            )
            alarms = questions.ask_alarms(making.session, notes)
            if with_libraries or self.contents is None:
                self.contents = libraries.read_libraries(making.session, notes)
            clock = events.read_clock(making.session)
        except SoapFault as fault:
            raise no_rights(fault.type) from None
        own_key = making.session.key
        yield access.platform_settings(
            instance_uuid=content.instance_uuid,
            product=content.product,
            version=content.version,
            build=content.build,
            api_version=content.api_version,
            skew=clock[1] if clock else None,
            settings=settings,
            extensions=extensions,
            alarms=alarms,
            licences=licences,
            sessions=None if logins is None else sessions(dicts(logins), own_key=own_key),
            libraries=self.contents.libraries if self.contents else None,
        )
        yield Count(kind=Kind.PLATFORM, expected=1)
        yield from notes

    def stored(self) -> list[Item]:
        """The items of the libraries, with what cannot be made into one."""
        found = self.contents.items if self.contents else ()
        return [self._image(one) for one in found]

    def _image(self, one: libraries.Stored) -> Item:
        ref, name = str(one.item.get("id")), str(one.item.get("name"))
        made = partial(images.image, one.item, one.library, one.files, self._making.estate)
        return self._making.record(Kind.IMAGE, ref, name, made)

    def _root_folder(self) -> list[Item]:
        """The root of all paths. An account for a part of the inventory may not see it."""
        session, root_ref = self._making.session, self._making.content.root_folder
        root = session.bulk.find_object(root_ref, "name")
        if root is None:
            return []
        self._making.estate.add(Facts(root))
        withheld = {f"root.{path}": [(root.ref, why)] for path, why in root.withheld.items()}
        return explained(session, None, withheld, {root.ref: "the root folder"})
