"""TLS as probes see it: whom they trust, what is presented, and what is wrong with it."""
