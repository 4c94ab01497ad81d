"""From finished runs to statistics, leaderboards and comparisons."""
