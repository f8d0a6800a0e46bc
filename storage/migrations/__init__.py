"""Alembic migrations, forward only. Run by `storage.migrate` in a process that ends."""
