"""The model in training: template, tokenizing and masks, loading, generating."""
