"""Systems described as data: one YAML file each, which `towpath.sdk.rest` makes a connector of."""

from pathlib import Path

#: The folder of the files.
FOLDER = Path(__file__).parent
