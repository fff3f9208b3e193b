from ectype.web_integration import Tokens

tokens = Tokens("0123456789abcdef0123456789abcdef", salt="user socket")
tokens.verify("token")  # refused
