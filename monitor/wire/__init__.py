"""What probes speak, with bounds on all that a stranger may say: one connection a run, nothing kept.

`connection` gets to an address, `visit` is one run's way there and back, `server` the fields that
checks share. Each protocol has its file or folder: `http`, `tls`, `dns`, `databases`, `ai`, `smtp`,
`mqtt`, `resp` (Redis), `websocket`, `icmp`.
"""
