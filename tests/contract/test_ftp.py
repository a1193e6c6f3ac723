"""FTP and SFTP against the contract of applications."""

import csv
import io
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from support.ftp import FtpServer
from support.ports import free_port
from support.sftp import SftpEnd
from towpath.connectors.ftp import connector
from towpath.connectors.ftp.config import FtpConfig
from towpath.sdk.testing.application import ApplicationContract

pytestmark = pytest.mark.service("files")


class FileServerContract(ApplicationContract):
    connector = connector
    publishes_at_the_end = True

    def fresh(self, root: Path) -> None:
        self.name = uuid.uuid4().hex
        self.folder = root / self.name
        self.folder.mkdir()

    def dead(self, config: FtpConfig) -> FtpConfig:
        return config.model_copy(update={"port": free_port()})

    def fill(self, config: Any, records: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
        for number, start in enumerate(range(0, len(records), 20)):
            text = io.StringIO()
            writer = csv.DictWriter(text, ["id", "name"])
            writer.writeheader()
            writer.writerows(records[start : start + 20])
            (self.folder / f"{number}.csv").write_text(text.getvalue())
        return {"directory": f"/{self.name}"}

    def writing(self, config: Any) -> Mapping[str, Any]:
        return {"directory": f"/{self.name}", "name": "out.csv"}

    def written(self, config: Any) -> Sequence[Mapping[str, Any]]:
        with (self.folder / "out.csv").open(newline="") as file:
            return list(csv.DictReader(file))

    def refused(self, number: int) -> Mapping[str, Any]:
        return {"id": number, "name": "\ud800"}


class TestFtp(FileServerContract):
    @pytest.fixture
    def config(self, ftp_server: FtpServer) -> FtpConfig:
        self.fresh(ftp_server.root)
        return FtpConfig.model_validate(ftp_server.config())


class TestSftp(FileServerContract):
    @pytest.fixture
    def config(self, sftp_server: SftpEnd) -> FtpConfig:
        self.fresh(sftp_server.root)
        return FtpConfig.model_validate(sftp_server.config())
