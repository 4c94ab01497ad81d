"""The pages of docs/reference that are made from the code: `python docs/pages` makes all of them anew."""
