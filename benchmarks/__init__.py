"""What the library costs, measured against the least that does the same."""
