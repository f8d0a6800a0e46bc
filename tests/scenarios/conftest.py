"""Scenarios run over both databases."""

from tests.storage.conftest import engine, url

__all__ = ["engine", "url"]
