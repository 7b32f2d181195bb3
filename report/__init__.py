"""The report: one HTML file, no network, no script."""
