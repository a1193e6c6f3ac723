"""The application of FTP, FTPS and SFTP servers."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, cast

from towpath.connectors.ftp.config import FtpConfig, FtpReading, FtpWriting, Protocol
from towpath.sdk.fileapp import FileApplication, FileReading, FileWriting, Folder

if TYPE_CHECKING:
    from towpath.connectors.ftp.ftp import FtpFolder
    from towpath.connectors.ftp.sftp import SftpFolder


def open_application(config: FtpConfig) -> AbstractContextManager[FileApplication]:
    """Connects when it is first used."""
    server = _server(config)

    def where(step: FileReading | FileWriting) -> tuple[Folder, str]:
        return server, cast("FtpReading | FtpWriting", step).directory

    return FileApplication(server, where, deep=False)


def _server(config: FtpConfig) -> "FtpFolder | SftpFolder":
    if config.protocol == Protocol.SFTP:
        from towpath.connectors.ftp.sftp import SftpFolder

        return SftpFolder(config)
    from towpath.connectors.ftp.ftp import FtpFolder

    return FtpFolder(config)
