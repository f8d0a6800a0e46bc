"""DNS as probes ask it: messages, records, and name servers."""
