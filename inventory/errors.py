"""What the verbs of this app raise."""


class NotPossible(Exception):
    """The act cannot be done now. The message is a sentence for the person who asked."""


class Refused(NotPossible):
    """What was handed over is not what it should be. Nothing of it was kept."""


class LeaseLost(Exception):
    """This worker no longer holds the run. Nothing more may be written."""


class RunCancelled(Exception):
    """A person cancelled the run while it was under way."""
