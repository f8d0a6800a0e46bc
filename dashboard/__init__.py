"""What people see: Dash pages, the JSON endpoints and `/health`, all read from the database."""
