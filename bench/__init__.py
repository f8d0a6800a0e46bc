"""Measurements: scripts that print figures and ratios, each beside a named limit or peer."""
