"""Every error that levcore raises, under one base class."""


class LevcoreError(Exception):
    """Base class of every error that levcore raises."""


class InputError(LevcoreError, ValueError):
    """A value that breaks a rule; the message names the column, the row, the value and the rule."""


class SettingsError(InputError):
    """A scenario file that breaks rules; the message has a line for each mistake, with its place in the file."""


class KindError(LevcoreError, TypeError):
    """An argument of the wrong kind: a wrong type, or an array of a wrong dtype."""


class DomainError(LevcoreError, ValueError):
    """A question that an engine or an outcome cannot answer."""


class NotKeptError(DomainError, AttributeError):
    """A field of one run asked of a batch, which does not keep it; also an AttributeError."""


class TooLargeError(LevcoreError, MemoryError):
    """A request that needs more memory than there is; raised before anything is allocated."""


class StoreError(LevcoreError, OSError):
    """A file or directory that cannot be read or written as asked."""


class CancelledError(LevcoreError, RuntimeError):
    """A run that was told to stop by its `cancel` flag; nothing of it is kept."""


class InternalError(LevcoreError, RuntimeError):
    """A defect of levcore itself; please report it with the numbers in the message."""


class MissingExtraError(LevcoreError, ImportError):
    """A feature whose optional dependency is not installed; the message names the command that installs it."""
