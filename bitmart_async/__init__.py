"""Asyncio SDK for the BitMart exchange. See the README."""
