"""Typed data of replies, requests and streams. Money is Decimal, times are int, ids are str."""
