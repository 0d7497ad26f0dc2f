"""From seeds to rows: what waits and what is computed, what came of it, whether it still holds, and its files."""
