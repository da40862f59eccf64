"""Streams: topics, one connection per market and privacy, typed updates."""
