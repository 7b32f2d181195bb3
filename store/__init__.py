"""What travels between stages and where it rests: row types, Parquet tables, run folder, manifests."""
