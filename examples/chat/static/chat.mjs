// The live side of the page, over the stock phoenix client. `?transport=longpoll` polls from the start.
import {LongPoll, Presence, Socket} from "/client/phoenix.mjs"

const element = (id) => document.getElementById(id)
const {room, token} = element("room").dataset
const list = element("messages")
let cursor = null

const polling = new URLSearchParams(location.search).get("transport") === "longpoll"
const socket = new Socket("/socket", {
  authToken: token,
  ...(polling ? {transport: LongPoll} : {longPollFallbackMs: 5000})
})
socket.onOpen(() => { element("state").textContent = "live" })
socket.onClose(() => { element("state").textContent = "connecting …" })
socket.connect()

const line = ({id, author, body, at}) => {
  const item = document.createElement("li")
  item.id = `message-${id}`
  const [name, text, time] = ["b", "span", "time"].map(tag => document.createElement(tag))
  name.textContent = author
  text.textContent = body
  time.textContent = new Date(at).toLocaleTimeString()
  item.append(name, text, time)
  return item
}

const show = ({messages, older}) => {
  cursor = older
  element("older").hidden = older === null
  list.prepend(...messages.filter(({id}) => !element(`message-${id}`)).map(line))
}

const refuse = (messages) => {
  const errors = element("body_errors")
  errors.replaceChildren(...messages.map(message => {
    const item = document.createElement("li")
    item.textContent = message
    return item
  }))
  errors.hidden = messages.length === 0
  element("body").toggleAttribute("aria-invalid", messages.length > 0)
}

const channel = socket.channel(`room:${room}`)
channel.on("message", message => {
  if(element(`message-${message.id}`)){ return }
  list.append(line(message))
  list.scrollTop = list.scrollHeight
})

const presence = new Presence(channel)
presence.onSync(() => {
  const people = presence.list((_id, {name, metas}) => metas.length > 1 ? `${name} (${metas.length})` : name)
  element("people").replaceChildren(...people.sort().map(person => {
    const item = document.createElement("li")
    item.textContent = person
    return item
  }))
})

// Each join, also after a server came back, begins with the newest page: nothing that was said meanwhile is missed.
channel.join().receive("ok", () => list.replaceChildren())
channel.on("history", page => {
  show(page)
  list.scrollTop = list.scrollHeight
})

element("older").addEventListener("click", () => {
  channel.push("older", {after: cursor}).receive("ok", show)
})

element("say").addEventListener("submit", event => {
  event.preventDefault()
  const input = element("body")
  channel.push("message", {body: input.value})
    .receive("ok", () => { input.value = ""; refuse([]) })
    .receive("error", ({errors}) => refuse(errors?.body ?? ["could not be said"]))
    .receive("timeout", () => refuse(["was not answered: is the network there?"]))
})

const lobby = socket.channel("lobby")
lobby.on("room", ({name, topic}) => {
  if(document.querySelector(`#rooms a[href="/rooms/${name}"]`)){ return }
  const [item, link] = [document.createElement("li"), document.createElement("a")]
  Object.assign(link, {href: `/rooms/${name}`, textContent: `#${name}`, title: topic})
  item.append(link)
  element("rooms").append(item)
})
lobby.join()
