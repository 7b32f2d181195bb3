"""Potstill: distil a large language model into a small open one through its answers."""
