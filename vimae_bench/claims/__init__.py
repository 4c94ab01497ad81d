"""The claims of papers, and verdicts on them from finished runs."""
