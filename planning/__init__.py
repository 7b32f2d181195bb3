"""Planning: what a run will cost and how long it takes, said before anything is paid."""
