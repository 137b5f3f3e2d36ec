"""What happened, in its order: the platforms' own events, and what they and the versions say about
who was where when.
"""
