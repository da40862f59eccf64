"""Other people's BitMart clients, unmodified, against the sandbox; each runs in an environment of its own."""
