"""Parts that pages are made of: pure functions from a view to Dash components."""
