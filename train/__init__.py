"""Training: the mask proof, then supervised fine-tuning over TRL; the stage."""
