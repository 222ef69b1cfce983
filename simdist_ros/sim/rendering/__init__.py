"""Pictures and films of recorded walks."""
