"""The student: template, tokenising and masks, loading, answering, measuring."""
