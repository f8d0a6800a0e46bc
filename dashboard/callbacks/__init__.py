"""The callbacks of the pages, by the pages' names: each file has `register(app, …)` and its `ROLES`."""
