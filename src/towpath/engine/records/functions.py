"""Calling users' own functions: on an extension server, or Python functions of a plug-in."""

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, Self

from towpath.core.application import Failure
from towpath.core.errors import AuthError, ConfigError, DataError, TowpathError
from towpath.core.ids import as_object_id, of_object_id
from towpath.core.steps import Hook
from towpath.engine.records.ends import End, Host
from towpath.sdk.extension import Extension
from towpath.sdk.plugins_hooks import find_hook


class Functions:
    """The functions that one step may call. Close it, or use it as a context manager."""

    def __init__(
        self,
        step: str,
        role: str,
        connection: str | None,
        ends: Mapping[str, End],
        host: Host,
        words: Mapping[str, Any],
    ) -> None:
        self._step = step
        self._ends = ends
        self._host = host
        self._stack = ExitStack()
        self._servers: dict[str, Extension] = {}
        self._plugins: dict[str, Any] = {}
        self._base = _base(step, role, connection, words)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def call(self, hook: Hook, options: Mapping[str, Any], source: str) -> Any:
        """What the function answers. Raises the `TowpathError` of a call that failed, its context with the
        ``source``; `CancelledError` and the like of the host pass through.
        """
        with self._host.token(self._step) as token:
            given = {"bearerToken": token, **self._base, "configuration": dict(hook.configuration), **options}
            try:
                if hook.stack is not None:
                    return self._server(hook.stack).call("hook", hook.function, given, app=hook.app)
                return self._plugin(hook, given)
            except AuthError as error:
                # The stack's credentials: the connection of the step works as well as ever.
                raise _of_stack(error).with_context(source=source, function=hook.function) from error
            except TowpathError as error:
                raise error.with_context(source=source, function=hook.function) from error

    def _server(self, stack: str) -> Extension:
        if stack not in self._servers:
            end = self._ends.get(stack)
            if end is None:
                raise ConfigError(
                    "hook.no_stack",
                    f"The stack {stack} of a hook is not there.",
                    hint="Point the hook to a stack that exists.",
                )
            # The config is of the connector of stacks: what its function is called by.
            self._servers[stack] = self._stack.enter_context(Extension(end.config))  # type: ignore[arg-type]  # a stack's config is an ExtensionConfig
        return self._servers[stack]

    def _plugin(self, hook: Hook, options: dict[str, Any]) -> Any:
        function = self._plugins.get(hook.function)
        if function is None:
            function = self._plugins[hook.function] = find_hook(hook.function)
        try:
            return function(options)
        except TowpathError:
            raise
        except Exception as error:
            raise DataError(
                "hook.failed",
                f"The function {hook.function} raised {type(error).__name__}: {str(error).rstrip('.')}.",
                hint="Mend the function; the records are in the error inbox.",
            ) from error


def _of_stack(error: AuthError) -> ConfigError:
    return ConfigError(error.code, error.message, hint=error.hint, **error.context)


def failures_of(error: TowpathError, source: str) -> list[Failure]:
    """The failures that stand for an error: all that a function told, or the error itself."""
    told = error.context.get("errors")
    if isinstance(told, list) and told:
        return [
            Failure(
                code=str(one.get("code", error.code)),
                message=str(one.get("message", error.message)),
                source=source,
            )
            for one in told
            if isinstance(one, Mapping)
        ]
    return [Failure(code=error.code, message=error.message, source=source, retryable=error.retryable)]


def hook_of(script: Mapping[str, Any]) -> Hook:
    """The function that a document names where rules could stand."""
    stack = script.get("stack") or script.get("_stackId")
    if stack and "_" not in str(stack):
        stack = of_object_id("con", str(stack))
    return Hook(function=str(script.get("function", "")), stack=stack or None)


def published(id: str | None) -> str | None:
    """The id as functions know it: 24 hex digits, where it is one of ours."""
    try:
        return None if id is None else as_object_id(id)
    except ValueError:
        return id


def _base(step: str, role: str, connection: str | None, words: Mapping[str, Any]) -> dict[str, Any]:
    flow, integration = words.get("flow") or {}, words.get("integration") or {}
    return {
        f"_{role}Id": published(step),
        "_connectionId": published(connection),
        "_flowId": published(flow.get("id")),
        "_integrationId": published(integration.get("id")),
        "_parentIntegrationId": None,
        "settings": words.get("settings", {}),
        "testMode": bool(words.get("testMode")),
    }
