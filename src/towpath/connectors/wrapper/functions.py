"""Calls of the functions, with what each of them is told."""

from collections.abc import Mapping
from typing import Any

from towpath.connectors.wrapper.config import WrapperConfig
from towpath.sdk import ConfigError, Tools
from towpath.sdk.extension import Extension, ExtensionConfig, step_options


class Functions:
    """The functions of one wrapper."""

    def __init__(self, config: WrapperConfig) -> None:
        if config.server is None:
            raise ConfigError(
                "config.invalid",
                "The wrapper names no stack that its functions could be called on.",
                hint="Set the stack to the id of an extension server.",
                field="stack",
            )
        self._config = config
        self._stack = Extension(ExtensionConfig(server=config.server))

    def close(self) -> None:
        self._stack.close()

    def ping(self) -> Any:
        """Without a one-time token: nothing runs that it could be for."""
        return self._call(self._config.ping_function, {})

    def call(self, function: str, options: Mapping[str, Any], tools: Tools) -> Any:
        """What the function answered, in a place of the connection and with a one-time token."""
        tools.check_wanted()
        told = {**step_options(tools.now.words), "testMode": tools.now.test, **options}
        if tools.debugging:
            tools.note("request", {"function": function, "options": told})
        with tools.slot(), tools.token() as token:
            answer = self._call(function, {"bearerToken": token, **told})
        if tools.debugging:
            tools.note("response", {"function": function, "answer": answer})
        return answer

    def _call(self, function: str, options: Mapping[str, Any]) -> Any:
        secrets = {name: secret.get_secret_value() for name, secret in self._config.encrypted.items()}
        connection = {"encrypted": secrets, "unencrypted": self._config.unencrypted}
        return self._stack.call(
            "wrapper", function, {**options, "connection": connection}, app=self._config.app
        )
