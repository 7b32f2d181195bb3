"""Access to models: ask, transports, retries, and the embedded practice teacher."""
