"""Settings that databases have in common in this dialect."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, model_validator

from towpath.api.console.dialect import trees
from towpath.api.console.dialect.rules import Setting
from towpath.api.console.dialect.settings import Settings, unsupported

_NO_EFFECT = "Kept, and of no effect here: "

MaxThreads = Annotated[int, Field(ge=1)]
Retries = Annotated[
    int, Field(ge=0, description=f"{_NO_EFFECT}a run that fails for a while is tried again in any case.")
]


class Ssl(Settings):
    """How the server is spoken to."""

    mode: str = "prefer"
    server_ca: str = Field(
        "",
        title="CA certificate",
        description="PEM text of the certificates to trust.",
        json_schema_extra={"multiline": True},
    )
    server_ca_file: str = Field(
        "", title="CA file", description="Instead: a file with them, where the worker runs."
    )
    client_cert: str = Field(
        "",
        title="Client certificate",
        description="PEM text, where the server asks for one.",
        json_schema_extra={"multiline": True},
    )
    client_key: SecretStr = Field(
        SecretStr(""),
        title="Client key",
        description="PEM text of the certificate's private key, without a passphrase.",
        json_schema_extra={"multiline": True},
    )

    @model_validator(mode="after")
    def _belong_together(self) -> "Ssl":
        if bool(self.client_cert) != bool(self.client_key.get_secret_value()):
            raise ValueError("client_cert and client_key belong together: give both or neither")
        if self.server_ca and self.server_ca_file:
            raise ValueError("give server_ca or server_ca_file, and not both")
        return self


def ssl_rules(mode: Setting, ca_file: str) -> tuple[Setting, ...]:
    """What `Ssl` is in our words."""
    return (
        mode,
        Setting("ssl.server_ca", "ca_certificate"),
        Setting("ssl.server_ca_file", ca_file),
        Setting("ssl.client_cert", "client_certificate"),
        Setting("ssl.client_key", "client_key", secret=True),
    )


class Standalone(Settings):
    """Changes are found by reading again."""

    type: Literal["Standalone"]


class NoTunnel(Settings):
    """The server is reached directly."""

    type: Literal["no_tunnel"]


def refuse_tunnel(config: Mapping[str, Any]) -> None:
    """Raises for an SSH tunnel: without it, the server would not be reached, or not as was meant."""
    if trees.at(config, "ssh_config.type") not in (None, "", "no_tunnel"):
        raise unsupported(
            "ssh_config.type",
            "Connections through an SSH tunnel cannot be made.",
            "Choose no_tunnel; if need be, open the tunnel outside and name its end as the host.",
        )


def refuse_parameters(config: Mapping[str, Any]) -> None:
    """Raises for parameters of a JDBC URL that say who connects, or how safely: other fields say that."""
    given = trees.at(config, "jdbc_url_params")
    for name, value in given.items() if isinstance(given, Mapping) else ():
        if value not in (None, "") and name.lower().startswith(("ssl", "user", "pass", "gss", "kerberos")):
            raise unsupported(
                f"jdbc_url_params.{name}",
                f"The parameter {name!r} of the JDBC URL is not used.",
                "Use the fields username, password and ssl instead.",
            )
