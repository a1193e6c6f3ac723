"""Keeping apps, which are integrations that others install, and the licences to do so."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from towpath.core.errors import ConflictError, NotFoundError
from towpath.core.ids import as_object_id, of_object_id
from towpath.core.records import Integration, Item
from towpath.core.repositories import UnitOfWork
from towpath.services.context import UseCases, audit
from towpath.services.pipelines import mentions
from towpath.services.pipelines.changes import changes
from towpath.services.pipelines.drafts import Mention
from towpath.services.pipelines.ends import DOCUMENT
from towpath.services.pipelines.faults import Faults
from towpath.services.pipelines.masking import masked

APP, LICENSE = "app", "license"
#: Fields of an app that refer to something, and to what.
_REFERENCES = {"_stackId": "stack", "_integrationId": "integration"}
_LISTS = {
    "_sharedExportIds": "export",
    "sharedExportIds": "export",
    "_sharedImportIds": "import",
    "sharedImportIds": "import",
}
_PREFIXES = {"stack": "con", "integration": "int", "export": "exp", "import": "imp"}

#: What a licence keeps when it is replaced.
_KEPT = ("email", "_integrationId", "user")

Document = Mapping[str, Any]
Revise = Callable[[Item], Document]
"""From an item as it is to its document as it shall be."""


class Apps(UseCases):
    """The use cases of apps. Documents are as published, without what is computed."""

    def list(self, org: str, limit: int | None = None) -> Sequence[Item]:
        with self.rooms.store.read() as work:
            return work.items.list(org, kind=APP, limit=limit)

    def get(self, org: str, id: str) -> Item:
        with self.rooms.store.read() as work:
            return find(work, org, APP, id)

    def create(self, org: str, document: Document) -> Item:
        """Raises `ConfigError` (``request.invalid``) with all that is wrong as ``faults``."""
        with self.rooms.store.begin() as work:
            _check(work, org, document)
            row = Item(org=org, kind=APP, name=str(document["name"]), document=masked(document))
            work.items.add(org, row)
            audit(work, org, self.actor, "app.create", row.id, name=row.name)
            return row

    def update(self, org: str, id: str, revise: Revise) -> Item:
        with self.rooms.store.begin() as work:
            before = find(work, org, APP, id)
            work.items.update(org, id)
            document = revise(before)
            _check(work, org, document)
            kept = masked(document)
            audit(work, org, self.actor, "app.update", id, changes=changes(before.document, kept))
            return work.items.update(org, id, name=str(document["name"]), document=kept)

    def delete(self, org: str, id: str) -> None:
        """Remove it with its licences. Raises `ConflictError` (``app.in_use``) while it is installed."""
        with self.rooms.store.begin() as work:
            row = find(work, org, APP, id)
            for integration in installed(work, org, id):
                raise ConflictError(
                    "app.in_use",
                    f"The connector {row.name!r} is installed as the integration {integration.name!r}.",
                    hint="Uninstall it first.",
                    app=row.name,
                )
            for license in work.items.list(org, kind=LICENSE, parent=id):
                work.items.delete(org, license.id)
            work.items.delete(org, id)
            audit(work, org, self.actor, "app.delete", id, name=row.name)

    def install_base(self, org: str, id: str) -> Sequence[Integration]:
        """The integrations that it is installed as, the oldest first."""
        with self.rooms.store.read() as work:
            find(work, org, APP, id)
            return installed(work, org, id)


class Licenses(UseCases):
    """The use cases of an app's licences."""

    def list(self, org: str, app: str) -> Sequence[Item]:
        with self.rooms.store.read() as work:
            return work.items.list(org, kind=LICENSE, parent=find(work, org, APP, app).id)

    def get(self, org: str, app: str, id: str) -> Item:
        with self.rooms.store.read() as work:
            return find(work, org, LICENSE, id, find(work, org, APP, app).id)

    def create(self, org: str, app: str, document: Document) -> Item:
        """For the user with its email address. Raises `ConfigError` with ``faults``: ``invalid_user``."""
        with self.rooms.store.begin() as work:
            find(work, org, APP, app)
            _check_user(work, org, str(document.get("email")))
            row = Item(org=org, kind=LICENSE, parent=app, document=masked(document))
            work.items.add(org, row)
            audit(work, org, self.actor, "license.create", row.id, app=app)
            return row

    def update(self, org: str, app: str, id: str, document: Document) -> Item:
        """Replace all but whose it is, and where it is installed."""
        with self.rooms.store.begin() as work:
            before = find(work, org, LICENSE, id, find(work, org, APP, app).id)
            kept = {
                key: before.document[key] for key in ("email", "_integrationId") if key in before.document
            }
            after = {**masked(document), **kept}
            audit(work, org, self.actor, "license.update", id, changes=changes(before.document, after))
            return work.items.update(org, id, document=after)

    def delete(self, org: str, app: str, id: str) -> None:
        with self.rooms.store.begin() as work:
            row = find(work, org, LICENSE, id, find(work, org, APP, app).id)
            work.items.delete(org, row.id)
            audit(work, org, self.actor, "license.delete", id, app=app)


def find(work: UnitOfWork, org: str, kind: str, id: str, parent: str | None = None) -> Item:
    """The app, or the licence of the app. Raises `NotFoundError`."""
    row = work.items.find(org, id=id, kind=kind, parent=parent)
    if row is None:
        raise NotFoundError("item.not_found", "There is no such resource.", hint="Check the _id.")
    return row


def installed(work: UnitOfWork, org: str, app: str) -> Sequence[Integration]:
    """The integrations that carry the app's id."""
    digits = as_object_id(app)
    rows = work.integrations.list(org)
    return [row for row in rows if row.metadata.get(DOCUMENT, {}).get("_connectorId") == digits]


def _check(work: UnitOfWork, org: str, document: Document) -> None:
    faults = Faults()
    if not isinstance(document.get("name"), str) or not document["name"]:
        faults.required("name")
    for field, what in _REFERENCES.items():
        _check_reference(work, org, field, what, document.get(field), faults)
    for field, what in _LISTS.items():
        values = document.get(field)
        for number, value in enumerate(values if isinstance(values, list) else []):
            _check_reference(work, org, f"{field}[{number}]", what, value, faults)
    faults.raise_any()


def _check_reference(
    work: UnitOfWork, org: str, field: str, what: str, value: object, faults: Faults
) -> None:
    if value is None:
        return
    try:
        id = of_object_id(_PREFIXES[what], str(value))
    except ValueError:
        faults.dangling(field, what)
    else:
        mentions.check(work, org, [Mention(field=field, kind=what, id=id)], faults)


def _check_user(work: UnitOfWork, org: str, email: str) -> None:
    if not work.users.list(org, email=email, limit=1):
        faults = Faults()
        faults.add("invalid_user", "email", f"There is no user with the email address {email}.")
        faults.raise_any()
