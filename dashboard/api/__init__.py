"""The JSON API: Flask blueprints, each given what it reads from."""
