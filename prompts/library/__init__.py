"""Versioned prompt templates: Markdown files with named variables."""
