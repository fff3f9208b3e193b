from ectype.web_integration import Presence, PubSub

presence = Presence(PubSub())
presence.track("room:1", "ada", {})  # refused
