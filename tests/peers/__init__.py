"""The other ends of our connections, as real as they can be made."""
