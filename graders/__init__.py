"""One answer in, one judgement out; used by filters and by the evaluation."""
