from ectype import Repo, TransactionOptions


def hook(options: TransactionOptions) -> int:
    return 3


Repo("sqlite:///x.db", prepare_transaction=hook)  # refused
