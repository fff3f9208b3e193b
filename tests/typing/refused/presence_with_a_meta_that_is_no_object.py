from ectype.web_integration import Holder, Presence, PubSub

presence = Presence(PubSub())
presence.track(Holder("room:1"), "ada", ["busy"])  # refused
