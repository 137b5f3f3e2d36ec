"""What the verbs of this app raise."""


class NotPossible(Exception):
    """The act cannot be done. The message is a sentence for the person who asked."""


class KeyMissing(Exception):
    """What is sealed cannot be opened with the key ring there is. The message is a sentence."""
