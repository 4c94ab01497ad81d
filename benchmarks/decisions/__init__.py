"""How often statements on made-up tables with known truth are right."""
