"""The settings of a Google Sheets connection."""

import re
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from towpath.sdk import ConfigError
from towpath.sdk.googleauth import check_key

_URL = re.compile(
    r"(?:https?://)?docs\.google\.com/spreadsheets/(?:u/\d+/)?d/([A-Za-z0-9_-]{10,})(?:[/?#].*)?"
)
_ID = re.compile(r"[A-Za-z0-9_-]{20,}")


class GoogleSheetsConfig(BaseModel):
    """Which spreadsheet, who we are there, and whether to start afresh."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    sheet_url: str = Field(
        alias="sheet-url",
        min_length=1,
        title="Spreadsheet",
        description="Its address in the browser, or its id. Share it with the service account as an editor.",
    )
    cleanup: bool | None = Field(
        None,
        title="Clean up first",
        description="True: every run replaces the tab. False: it adds. Empty: as the flow says.",
    )
    oauth_complete: bool = Field(
        False,
        alias="oauth-complete",
        title="Signed in",
        description="Taken for the sake of forms that send it; it changes nothing.",
    )
    credential: SecretStr = Field(
        SecretStr(""),
        title="Credential JSON",
        description="A service account's key. Empty for the credentials of the machine itself.",
    )
    access_token: SecretStr = Field(
        SecretStr(""), title="Access token", description="Instead of a credential: of a sign-in by OAuth 2."
    )
    endpoint: str = Field(
        "",
        pattern=r"^(https?://.+)?$",
        title="Endpoint",
        description="Of a private endpoint. Without TLS no credential is sent.",
    )

    @field_validator("credential")
    @classmethod
    def _is_a_key(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value():
            check_key(value.get_secret_value())
        return value

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if self.credential.get_secret_value() and self.access_token.get_secret_value():
            raise ValueError("give a credential or an access token, and not both")
        return self

    @property
    def spreadsheet(self) -> str:
        """The id of the spreadsheet. Raises `ConfigError` for an address that is none of a spreadsheet."""
        text = self.sheet_url.strip()
        found = _URL.fullmatch(text)
        if found:
            return found[1]
        if _ID.fullmatch(text):
            return text
        raise ConfigError(
            "config.invalid",
            f"{text!r} is not the address of a Google spreadsheet.",
            hint="Copy it from the browser: https://docs.google.com/spreadsheets/d/…",
            field="sheet-url",
        )
