"""The mask proof, supervised fine-tuning over TRL, and the stage."""
