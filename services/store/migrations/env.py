"""Alembic's way in. The connection comes from `services.store.migrate`: there is no alembic.ini."""

from alembic import context

from services.store import schema

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=schema.metadata,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
