"""The settings of a connection to a file server, and what steps say about its folders."""

from enum import StrEnum
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from towpath.sdk import pem
from towpath.sdk.fileapp import FileReading, FileWriting

_PORTS = {"ftp": 21, "ftps": 21, "sftp": 22}


class Protocol(StrEnum):
    """How the server is spoken to."""

    FTP = "ftp"
    FTPS = "ftps"
    """FTP over TLS, asked for in the open (explicit)."""
    SFTP = "sftp"
    """File transfer over SSH."""


class FtpConfig(BaseModel):
    """Where the server is and who we are there. ``ftp.…`` names the published field of each."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    protocol: Protocol = Field(
        Protocol.SFTP, title="Protocol", description="ftp.type. With ftp anybody on the way can read along."
    )
    host: str = Field(
        min_length=1, pattern=r"^[^\s/@]+$", title="Host", description="ftp.hostURI: name or address."
    )
    port: int | None = Field(
        None, ge=1, le=65535, title="Port", description="ftp.port; empty: 21, of SFTP 22."
    )
    username: str = Field(min_length=1, title="User name", description="ftp.username")
    password: SecretStr = Field(SecretStr(""), title="Password", description="ftp.password")
    private_key: SecretStr = Field(
        SecretStr(""),
        title="Private key",
        description="ftp.authKey: of SFTP, as text in the form of OpenSSH or PEM (RSA, ECDSA, Ed25519).",
        json_schema_extra={"multiline": True},
    )
    passphrase: SecretStr = Field(SecretStr(""), title="Passphrase of the private key")
    host_key: str = Field(
        "",
        pattern=r"^(SHA256:[A-Za-z0-9+/]{43}=?)?$",
        title="Fingerprint of the host key",
        description="Of SFTP: SHA256:…, as ssh-keygen -l shows it, and the test of the connection too. "
        "Empty: any server that answers is believed.",
    )
    verify_certificate: bool = Field(
        True, title="Verify the certificate", description="Of FTPS. Off: any server that answers is believed."
    )
    ca_certificate: pem.Certificates = Field(
        "", title="CA certificate", description="Of FTPS: whom to trust, in PEM form; empty: as the system."
    )
    passive: bool = Field(
        True, title="Passive mode", description="ftp.usePassiveMode; off, the server connects back to us."
    )
    user_directory_is_root: bool = Field(
        False,
        title="The user's directory is the root",
        description="ftp.userDirectoryIsRoot: paths begin in the folder where the login leads.",
    )
    entry_parser: Literal["", "UNIX", "NT", "MVS", "VMS", "OS2", "OS400"] = Field(
        "",
        title="Kind of listing",
        description="ftp.entryParserFtpClientConfig, without SYST_. Kept, and not needed: listings are asked "
        "for by MLSD, or by NLST, SIZE and MDTM, which look the same everywhere.",
    )

    @property
    def number(self) -> int:
        """The port."""
        return self.port or _PORTS[self.protocol]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        key = self.private_key.get_secret_value()
        if key and self.protocol != Protocol.SFTP:
            raise ValueError("private_key is for protocol sftp only")
        if key and "PRIVATE KEY-----" not in key:
            raise ValueError("private_key is none in PEM form (-----BEGIN … PRIVATE KEY-----)")
        if self.protocol != Protocol.FTP and not key and not self.password.get_secret_value():
            raise ValueError("password is missing, or private_key with protocol sftp")
        return self


class FtpReading(FileReading):
    """What an export says about its files. The other fields are those of all file servers."""

    directory: str = Field(min_length=1)
    """``ftp.directoryPath``. A template."""


class FtpWriting(FileWriting):
    """What an import says about its files. The other fields are those of all file servers."""

    directory: str = Field(min_length=1)
    """``ftp.directoryPath``. A template."""
