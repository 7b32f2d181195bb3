"""Arms, statistics, efficiency, and the scorecard."""
