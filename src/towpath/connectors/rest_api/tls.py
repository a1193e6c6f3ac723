"""Whom a connection trusts, and what it shows of itself."""

import ssl

from towpath.connectors.rest_api.config import RestConfig
from towpath.sdk import ConfigError, pem


def context(config: RestConfig) -> ssl.SSLContext | None:
    """The TLS context of a connection; None for the usual one. Raises `ConfigError` ``connection.tls``."""
    if not (config.client_certificate or config.ca_certificate or config.disable_strict_ssl):
        return None
    made = ssl.create_default_context()
    try:
        if config.ca_certificate:
            made.load_verify_locations(cadata=pem.tidy(config.ca_certificate))
        _show(made, config)
    except (ssl.SSLError, OSError, ValueError) as error:
        raise ConfigError(
            "connection.tls",
            "The client certificate, its key or the CA certificate cannot be used: "
            f"{getattr(error, 'reason', None) or type(error).__name__}.",
            hint="Give them in PEM form; the key must belong to the certificate, the passphrase to the key.",
            field="client_certificate",
        ) from error
    if config.disable_strict_ssl:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    return made


def _show(made: ssl.SSLContext, config: RestConfig) -> None:
    own = config.client_certificate
    if own is None:
        return
    with pem.files({"cert": own.cert, "key": own.key.get_secret_value()}) as paths:
        # An empty answer, or OpenSSL would ask at the terminal.
        passphrase = own.passphrase.get_secret_value() if own.passphrase else ""
        made.load_cert_chain(paths["cert"], paths["key"], password=lambda: passphrase)
