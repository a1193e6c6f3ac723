"""Files in buckets against the contract of applications."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from support.ports import free_port
from support.s3 import S3
from towpath.connectors.s3 import connector
from towpath.connectors.s3.config import S3Config
from towpath.sdk.testing.application import ApplicationContract

pytestmark = pytest.mark.service("s3")


class TestS3(ApplicationContract):
    connector = connector
    publishes_at_the_end = True

    @pytest.fixture
    def config(self, s3: S3) -> S3Config:
        self.s3 = s3
        return S3Config.model_validate(
            {
                "endpoint": s3.endpoint,
                "access_key": s3.access_key,
                "secret_key": s3.secret_key,
                "bucket": s3.bucket(),
            }
        )

    @contextmanager
    def client(self) -> Iterator[Any]:
        client = self.s3.client()
        try:
            yield client
        finally:
            client.close()

    def dead(self, config: S3Config) -> S3Config:
        return config.model_copy(update={"endpoint": f"http://127.0.0.1:{free_port()}"})

    def fill(self, config: S3Config, records: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
        with self.client() as client:
            for number, start in enumerate(range(0, len(records), 20)):
                body = json.dumps({"rows": list(records[start : start + 20])}).encode()
                client.put_object(Bucket=config.bucket, Key=f"in/{number}.json", Body=body)
        return {"bucket": config.bucket, "format": "json", "json": {"path": "rows"}, "name_starts": "in/"}

    def writing(self, config: S3Config) -> Mapping[str, Any]:
        return {"bucket": config.bucket, "format": "json", "name": "out/all.json"}

    def written(self, config: S3Config) -> Sequence[Mapping[str, Any]]:
        with self.client() as client:
            found: list[dict[str, Any]] = json.loads(
                client.get_object(Bucket=config.bucket, Key="out/all.json")["Body"].read()
            )
        return found

    def refused(self, number: int) -> Mapping[str, Any]:
        return {"id": number, "name": "\ud800"}
