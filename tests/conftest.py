"""What every suite shares: the real servers, started once and only when a test asks for them."""

from hypothesis import settings

pytest_plugins = [
    "support.command",
    "support.postgres",
    "support.mariadb",
    "support.s3",
    "support.snowflake",
    "support.bigquery",
    "support.sheets",
    "support.oauth",
    "support.api",
    "support.hostile",
    "support.doors",
    "support.lent",
    "support.pms",
    "support.shop",
    "support.ftp",
    "support.sftp",
    "support.extension",
]

# No test judges speed, on whatever machine it runs. Half of Hypothesis' usual examples: the suite runs often.
settings.register_profile("towpath", deadline=None, max_examples=50)
settings.load_profile("towpath")
