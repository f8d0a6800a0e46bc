"""The version of this program; pyproject.toml has the same one, which a test holds."""

VERSION = "0.1.0"
