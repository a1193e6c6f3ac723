"""Installing apps: their own functions do it, on the app's stack, each with a token for what is the app's."""

from collections.abc import Mapping, Sequence
from typing import Any

from towpath.core.errors import ConfigError, NotFoundError
from towpath.core.ids import as_object_id, new_id, of_object_id
from towpath.core.records import Integration, Item, now
from towpath.core.repositories import UnitOfWork
from towpath.sdk.extension import Extension, ExtensionConfig
from towpath.services.context import UseCases, audit
from towpath.services.people.once import app_scope, lent
from towpath.services.pipelines import apps
from towpath.services.pipelines.ends import DOCUMENT, ends
from towpath.services.pipelines.leaving import leave
from towpath.services.pipelines.steps import free_name

INSTALL, SETTINGS, UNINSTALL = "install", "settings", "uninstall"
#: What a licence says while it is used.
_INSTALLED = ("_integrationId", "user")
INSTALLER, UNINSTALLER = "installer", "uninstaller"


class Installing(UseCases):
    """The use cases of integrations that are apps."""

    def install(self, org: str, app: str) -> Integration:
        """Make an integration of the app, and have the app's installer furnish it. If that fails the
        integration stays, in the mode ``install``, to be tried on.
        """
        with self.rooms.store.begin() as work:
            found = apps.find(work, org, apps.APP, app)
            _check_stack(found)
            row = _new_integration(work, org, found)
            _assign_license(work, org, found, row)
            audit(work, org, self.actor, "integration.install", row.id, app=app)
        function = found.document.get("installerFunction")
        if function:
            self._call(org, found, row.id, INSTALLER, function, {})
        return self._settled(org, row.id, {})

    def invoke(self, org: str, id: str, type: str, function: str, given: Mapping[str, Any]) -> Any:
        """What a function of the app's answers. ``type``: ``installer``, ``uninstaller`` or ``setting``.
        Install steps that the answer names under ``stepsToUpdate`` are updated; when all are completed, the
        mode becomes ``settings``.
        """
        with self.rooms.store.begin() as work:
            app = _app_of(work, org, work.integrations.get(org, id))
            audit(work, org, self.actor, "integration.invoke", id, type=type, function=function)
        answer = self._call(org, app, id, type, function, given)
        if type == INSTALLER:
            self._settled(org, id, answer)
        return answer

    def uninstall(self, org: str, id: str) -> Any:
        """Have the app's own functions take everything down, then remove what is left of it and the
        integration; what the last function answered. If one fails, the mode ``uninstall`` stays, to be tried
        again.
        """
        with self.rooms.store.begin() as work:
            app = _app_of(work, org, work.integrations.get(org, id))
            _change(work, org, id, {"mode": UNINSTALL})
        answer = None
        for field in ("preUninstallFunction", "uninstallerFunction"):
            function = app.document.get(field)
            if function:
                answer = self._call(org, app, id, UNINSTALLER, function, {})
        leave(self, org, id)
        with self.rooms.store.begin() as work:
            for license in _licenses(work, org, app.id, id):
                kept = {key: item for key, item in license.document.items() if key not in _INSTALLED}
                work.items.update(org, license.id, document=kept)
        return answer

    def push(self, org: str, app: str, integrations: Sequence[str]) -> None:
        """Have the app's update function bring these integrations up to date, one after the other; each says
        ``updateInProgress`` meanwhile.
        """
        with self.rooms.store.begin() as work:
            found = apps.find(work, org, apps.APP, app)
            function = found.document.get("updateFunction")
            if not function:
                raise ConfigError(
                    "app.no_function",
                    f"The connector {found.name!r} has no updateFunction.",
                    hint="Set its updateFunction to the name of an installer function on its stack.",
                    field="updateFunction",
                )
            known = {row.id for row in apps.installed(work, org, app)}
            for id in integrations:
                if id not in known:
                    raise NotFoundError(
                        "integration.not_found", "There is no such integration.", hint="See its installBase."
                    )
            audit(work, org, self.actor, "app.push", app, integrations=list(integrations))
        for id in integrations:
            self._set(org, id, {"updateInProgress": True})
            try:
                self._call(org, found, id, INSTALLER, function, {})
            finally:
                self._set(org, id, {"updateInProgress": False})

    def _call(self, org: str, app: Item, id: str, type: str, function: str, given: Mapping[str, Any]) -> Any:
        stack = _check_stack(app)
        with self.rooms.store.read() as work:
            licenses = _licenses(work, org, app.id, id)
        license = licenses[0].document if licenses else {}
        known = {
            "_integrationId": as_object_id(id),
            "_connectorId": as_object_id(app.id),
            "opts": license.get("opts") or {},
            "license": dict(license),
        }
        config = ExtensionConfig.model_validate(ends(self.rooms, org, [stack])[stack].config)
        with Extension(config) as server, lent(self.rooms, org, app_scope(app.id)) as token:
            options = {**given, **known, "bearerToken": token}
            return server.call(type, function, options, app=as_object_id(app.id))

    def _settled(self, org: str, id: str, answer: Any) -> Integration:
        """Take over which steps are done. The function itself may have changed them meanwhile."""
        with self.rooms.store.begin() as work:
            row = work.integrations.update(org, id)
            document = row.metadata.get(DOCUMENT, {})
            steps = _updated(document.get("install"), answer)
            done = all(isinstance(step, Mapping) and step.get("completed") for step in steps)
            mode = SETTINGS if done and document.get("mode") == INSTALL else document.get("mode")
            return _change(work, org, id, {"install": steps, "mode": mode})

    def _set(self, org: str, id: str, fields: Mapping[str, Any]) -> None:
        with self.rooms.store.begin() as work:
            if work.integrations.find(org, id=id):
                _change(work, org, id, fields)


def _new_integration(work: UnitOfWork, org: str, app: Item) -> Integration:
    id = new_id("int")
    document = {
        "name": app.name,
        "_connectorId": as_object_id(app.id),
        "mode": INSTALL,
        "install": [],
        "settings": {},
    }
    name = free_name(work.integrations, org, id, app.name)
    row = Integration(id=id, org=org, name=name, metadata={DOCUMENT: document})
    return work.integrations.add(org, row)


def _check_stack(app: Item) -> str:
    """Id of the app's stack."""
    digits = app.document.get("_stackId")
    if not digits:
        raise ConfigError(
            "app.no_stack",
            f"The connector {app.name!r} has no stack that its functions could be called on.",
            hint="Set its _stackId.",
            field="_stackId",
        )
    return of_object_id("con", digits)


def _app_of(work: UnitOfWork, org: str, row: Integration) -> Item:
    """The app that the integration was installed from. Raises `NotFoundError` if it is none."""
    digits = row.metadata.get(DOCUMENT, {}).get("_connectorId")
    try:
        id = of_object_id("itm", str(digits))
    except ValueError:
        id = ""
    return apps.find(work, org, apps.APP, id)


def _licenses(work: UnitOfWork, org: str, app: str, integration: str) -> Sequence[Item]:
    rows = work.items.list(org, kind=apps.LICENSE, parent=app)
    return [row for row in rows if row.document.get("_integrationId") == as_object_id(integration)]


def _assign_license(work: UnitOfWork, org: str, app: Item, row: Integration) -> None:
    """The first licence that is free and good; who makes an app needs none to install it."""
    for license in work.items.list(org, kind=apps.LICENSE, parent=app.id):
        free = not license.document.get("_integrationId")
        if free and str(license.document.get("expires")) > now().isoformat():
            known = {"_integrationId": as_object_id(row.id), "user": _user(work, org, license)}
            work.items.update(org, license.id, document={**license.document, **known})
            return


def _user(work: UnitOfWork, org: str, license: Item) -> dict[str, Any]:
    """Whose licence it is."""
    email = license.document.get("email")
    users = work.users.list(org, email=email, limit=1)
    return {"email": email} | ({"_id": as_object_id(users[0].id), "name": users[0].name} if users else {})


def _change(work: UnitOfWork, org: str, id: str, fields: Mapping[str, Any]) -> Integration:
    row = work.integrations.update(org, id)
    document = {**row.metadata.get(DOCUMENT, {}), **fields}
    return work.integrations.update(org, id, metadata={**row.metadata, DOCUMENT: document})


def _updated(steps: Any, answer: Any) -> list[Any]:
    """The steps, with what the answer says of those of the same name."""
    known = list(steps) if isinstance(steps, list) else []
    told = answer.get("stepsToUpdate") if isinstance(answer, Mapping) else None
    news = {
        step["name"]: step
        for step in (told if isinstance(told, list) else [])
        if isinstance(step, Mapping) and "name" in step
    }
    return [
        {**step, **news.get(step.get("name"), {})} if isinstance(step, Mapping) else step for step in known
    ]
