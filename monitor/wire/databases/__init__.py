"""How databases are asked, one driver a file; `asking` is what they share.

Each driver opens a connection for one attempt, asks read-only, reads little, and hangs up.
"""
