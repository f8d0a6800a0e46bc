"""HTTP as probes speak it: addresses, requests, answers, what follows from them, and what must hold."""
