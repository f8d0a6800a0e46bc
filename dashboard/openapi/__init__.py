"""The OpenAPI document of the API, made of what the routes are, and the page to read it in."""
