"""Many runs trained at once: every parameter carries a leading axis of runs."""
