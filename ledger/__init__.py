"""Every reply that was ever paid for, under its key: keys, draws, the file, prices."""
