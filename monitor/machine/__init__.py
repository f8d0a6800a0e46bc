"""Readings of this machine, as the kernel gives them; `monitor.sampling` names them as metrics."""
