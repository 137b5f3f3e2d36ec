"""What the verbs of this app raise."""


class NotPossible(Exception):
    """The act cannot be done. The message is a sentence for the person who asked."""
