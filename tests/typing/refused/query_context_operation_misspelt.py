from ectype import QueryContext


def work(context: QueryContext) -> bool:
    return context.operatoin == "all"  # refused
