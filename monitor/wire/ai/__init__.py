"""APIs of the OpenAI kind: what is asked, what comes back, and what it costs."""
