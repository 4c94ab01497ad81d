"""What finished runs amount to: the folders read, the statistics, the leaderboard, the comparison."""
