"""The training of one run, or of several seeds as one."""
