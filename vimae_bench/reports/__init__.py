"""Tables and figures made of finished runs. A renderer lays out what it is given, and computes nothing."""
