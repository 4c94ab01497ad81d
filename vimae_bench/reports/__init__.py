"""Tables, figures and pages of results. They show what `analysis` and `claims` computed."""
