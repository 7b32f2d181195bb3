"""Where prompts come from, which family each belongs to, and the library of templates."""
