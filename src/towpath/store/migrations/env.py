"""What Alembic runs: the migrations, inside the transaction that the store has opened."""

from alembic import context

from towpath.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
