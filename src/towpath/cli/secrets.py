"""``towpath secrets``."""

import typer

from towpath.cli import output
from towpath.cli.session import AsJson, session

app = typer.Typer(help="The key that seals secrets.")


@app.callback()
def group() -> None:
    """The key that seals secrets."""


@app.command()
def rotate(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Replace the master key while everything goes on; finishes a rotation that was cut off."""
    now = session(ctx)
    done = now.master_key.rotate(now.org, progress=lambda count: output.say(f"{count} connections …"))
    if as_json:
        output.data(vars(done))
    verb = "finished" if done.resumed else "made"
    output.done(f"Rotation {verb}: {done.rewrapped} connections under the key {done.key_id}.")
    if done.key_file:
        output.say(
            f"Machines with a copy of the key file need the new one now: copy {done.key_file} to them."
        )
