"""Starts a real S3 server (moto's) in a process of its own, with real keys and signatures checked."""

import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.config import Config

from support.loopback import loopback
from support.ports import free_port

_POLICY = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'
_START_SECONDS = 60


@dataclass(frozen=True)
class S3:
    """Where the server is, and the keys of a user who may do everything there."""

    endpoint: str
    access_key: str
    secret_key: str
    region: str = "us-east-1"

    def client(self) -> Any:
        """A boto3 client: the other way to look at what the connector wrote."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=self.region,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            config=Config(retries={"max_attempts": 1}, connect_timeout=5, read_timeout=30),
        )

    def bucket(self) -> str:
        """The name of a fresh, empty bucket."""
        name = f"towpath-{uuid.uuid4().hex[:16]}"
        client = self.client()
        client.create_bucket(Bucket=name)
        client.close()
        return name

    def config(self, **more: Any) -> dict[str, Any]:
        """The settings of a connector for a fresh bucket."""
        return {
            "path": f"s3://{self.bucket()}/lake",
            "endpoint": self.endpoint,
            "region": self.region,
            "access_key": self.access_key,
            "secret_key": self.secret_key,
        } | more


@pytest.fixture
def s3(s3_server: S3) -> Iterator[S3]:
    """A running server, and leave to reach it."""
    with loopback():
        yield s3_server


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3]:
    """Gone at the end of the session."""
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _await(endpoint, process)
        yield S3(endpoint, *_user(endpoint))
    finally:
        process.terminate()
        process.wait(10)


def _await(endpoint: str, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"The S3 server ended with {process.returncode}.")
        try:
            urllib.request.urlopen(f"{endpoint}/moto-api/", timeout=1).close()  # noqa: S310 - our own server
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("The S3 server did not answer in time.")


def _user(endpoint: str) -> tuple[str, str]:
    """Make a user with keys; from then on every request must be signed with them."""
    iam = boto3.client(
        "iam",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="setup",
        aws_secret_access_key="setup",
    )
    iam.create_user(UserName="towpath")
    iam.put_user_policy(UserName="towpath", PolicyName="all", PolicyDocument=_POLICY)
    keys = iam.create_access_key(UserName="towpath")["AccessKey"]
    iam.close()
    request = urllib.request.Request(  # noqa: S310 - our own server
        f"{endpoint}/moto-api/reset-auth", data=b"0", headers={"Content-Type": "text/plain"}
    )
    urllib.request.urlopen(request, timeout=5).close()  # noqa: S310 - our own server
    return keys["AccessKeyId"], keys["SecretAccessKey"]
