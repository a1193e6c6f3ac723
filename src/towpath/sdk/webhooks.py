"""Signatures of the Standard Webhooks specification."""

import binascii
from collections.abc import Mapping
from datetime import UTC, datetime

from standardwebhooks import Webhook
from standardwebhooks.webhooks import EmptyWebhookSecretError

from towpath.core.errors import ConfigError


class Signer:
    """Signs bodies with one secret (``whsec_`` and base64)."""

    def __init__(self, secret: str) -> None:
        """Raises `ConfigError` ``config.invalid`` if it is not such a secret."""
        try:
            self._webhook = Webhook(secret)
        except (ValueError, binascii.Error, EmptyWebhookSecretError):
            raise ConfigError(
                "config.invalid",
                "The signing secret is not valid base64.",
                hint="It begins with whsec_ and goes on in base64: copy it again.",
                field="signing_secret",
            ) from None

    def headers(self, id: str, body: bytes, moment: datetime | None = None) -> Mapping[str, str]:
        """``webhook-id``, ``webhook-timestamp`` and ``webhook-signature``; one id for all attempts."""
        moment = moment or datetime.now(UTC)
        return {
            "webhook-id": id,
            "webhook-timestamp": str(int(moment.timestamp())),
            "webhook-signature": self._webhook.sign(id, moment, body.decode()),
        }
