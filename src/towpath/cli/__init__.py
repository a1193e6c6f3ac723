"""The `towpath` command.

Modules are named by the nouns of the command line. Whatever is heavy is imported inside the functions
that need it: `towpath --help` answers at once.
"""


def main() -> None:
    """The entry point of the command."""
    from towpath.cli.app import app

    app()
