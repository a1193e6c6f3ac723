"""What every suite shares: the real servers, started once and only when a test asks for them."""

pytest_plugins = ["support.postgres", "support.mariadb", "support.s3"]
