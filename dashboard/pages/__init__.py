"""Pages: pure functions of what they show, one file per address."""
