"""What goes wrong in the local start is told in one sentence that says what to do next."""


class LocalStartError(Exception):
    """The local start cannot go on; the message is one sentence for the person who typed the command."""
