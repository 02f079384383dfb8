"""Whether findings are the same where what is not known, NaN, is the same as itself."""


def is_same(one: object, other: object) -> bool:
    """Since Python 3.13 dataclasses compare field by field with ==, which NaN fails. Every float is told to the bit."""
    return repr(one) == repr(other)
