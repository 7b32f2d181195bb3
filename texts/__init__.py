"""The heavy kernels over texts: words, hashes, near duplicates; pure functions over Arrow arrays of strings."""
