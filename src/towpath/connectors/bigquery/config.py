"""The settings of a BigQuery connection."""

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from towpath.sdk.googleauth import check_key


class BigqueryConfig(BaseModel):
    """Which dataset of which project, and who we are there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bq_dataset: str = Field(
        pattern=r"^[A-Za-z0-9_]{1,1024}$",
        title="Dataset",
        description="It is made if need be.",
        json_schema_extra={"placeholder": "Enter your dataset"},
    )
    destination_project_id: str = Field(
        pattern=r"^[a-z0-9.:-]{1,100}$",
        title="Destination project id",
        description="It also pays.",
        json_schema_extra={"placeholder": "Enter project id"},
    )
    credential: SecretStr = Field(
        SecretStr(""),
        title="Credential JSON (optional)",
        description="A service account's key. Empty for the credentials of the machine itself.",
        json_schema_extra={"placeholder": "Paste here"},
    )
    location: str = Field(
        "",
        title="Location",
        description="Such as EU; where a new dataset is made.",
        json_schema_extra={"advanced": True},
    )
    endpoint: str = Field(
        "",
        pattern=r"^(https?://.+)?$",
        title="Endpoint",
        description="Of a private endpoint or an emulator. Without TLS no credential is sent.",
        json_schema_extra={"advanced": True},
    )

    @field_validator("credential")
    @classmethod
    def _is_a_key(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value():
            check_key(value.get_secret_value())
        return value
