"""Numbers to text: everything is worked out in `analysis`, and only laid out here."""
