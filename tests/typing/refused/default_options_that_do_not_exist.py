from ectype import Repo

Repo("sqlite:///x.db", default_options={"timeot": 3})  # refused
