"""What can go wrong, as a tree of errors. Every message is one line: which file, what is wrong, what to do.

GoodpartsError
├── UsageError      wrong arguments or folders
├── ConfigError     a configuration that cannot be used
├── ModelError      a model folder that is missing, altered or of another format
├── TrainingError   the images do not allow a training
└── ImageError      one image cannot be read or judged; the run goes on and the image gets the verdict ERROR
"""


class GoodpartsError(Exception):
    """Base of all errors that a person can do something about."""


class UsageError(GoodpartsError):
    """Wrong arguments or folders."""


class ConfigError(GoodpartsError):
    """A configuration that cannot be used."""


class ModelError(GoodpartsError):
    """A model folder that is missing, altered or of another format."""


class TrainingError(GoodpartsError):
    """The images do not allow a training."""


class ImageError(GoodpartsError):
    """One image that cannot be read or judged."""
