"""decides."""
