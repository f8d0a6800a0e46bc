"""Loads the plugins of the whole test run; pytest allows that only beside pyproject.toml."""

pytest_plugins = ["tests.cases", "tests.skips", "tests.second_try"]
