"""Opening what strangers send."""
