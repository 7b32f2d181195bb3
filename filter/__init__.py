"""Scores write columns, rules decide; the stage that labels every row."""
