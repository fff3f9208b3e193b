"""x"""


def table(world): ...
