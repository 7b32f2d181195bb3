"""Elicitation methods over `ask`, and the stage that runs them."""
