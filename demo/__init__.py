"""The demo estate: how it is made, and the recordings it is replayed from."""
