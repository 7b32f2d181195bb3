"""The practice teacher: a simulated model behind a real HTTP server."""
