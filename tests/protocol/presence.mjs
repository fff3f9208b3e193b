// Scenarios for the stock client's Presence. Prints one JSON line a scenario: {"name": …, "ok": …, "error": …}.
// Usage: node presence.mjs <host:port> <host:port> <1.8|1.7> <websocket|longpoll>, two processes of one application, or
// one process twice.

import assert from "node:assert/strict"
import {WebSocket} from "ws"
import {XMLHttpRequest} from "./xhr.mjs"

const [here, there, version, kind] = process.argv.slice(2)
if(version === "1.7"){ Object.assign(globalThis, {self: globalThis, XMLHttpRequest}) }
const {LongPoll, Presence, Socket} = await import(version === "1.7" ? "phoenix-1.7" : "phoenix")
const polling = kind === "longpoll"
const WAIT = 10000

const until = (what, test) => new Promise((resolve, reject) => {
  const end = setTimeout(() => { clearInterval(timer); reject(new Error(`timeout: ${what}`)) }, WAIT)
  const timer = setInterval(() => {
    if(test()){ clearInterval(timer); clearTimeout(end); resolve() }
  }, 5)
})

// A client in a room: what its Presence lists, who it saw come and go, and what it heard.
const enter = async (host, topic, user) => {
  const socket = new Socket(`ws://${host}/socket`, {
    transport: polling ? LongPoll : WebSocket, timeout: 5000, reconnectAfterMs: () => 30, rejoinAfterMs: () => 30
  })
  socket.connect()
  const channel = socket.channel(topic, {user})
  const presence = new Presence(channel)
  const seen = {joins: [], leaves: [], said: [], bytes: []}
  presence.onJoin((key, current, made) => seen.joins.push([key, current ? current.metas.length : 0, made]))
  presence.onLeave((key, current, gone) => seen.leaves.push([key, current.metas.length, gone]))
  channel.on("said", payload => seen.said.push(payload))
  channel.on("bytes", payload => seen.bytes.push([
    ...(payload instanceof ArrayBuffer ? new Uint8Array(payload) : Buffer.from(payload.base64, "base64"))
  ]))
  const users = () => Object.fromEntries(presence.list((key, {metas}) => [key, metas.length]))
  channel.join()
  const client = {socket, channel, presence, seen, users, sees: wanted => until(
    `${user} sees ${JSON.stringify(wanted)}, saw ${JSON.stringify(users())}`,
    () => { try{ assert.deepEqual(users(), wanted); return true } catch{ return false } }
  )}
  await until(`${user} is in`, () => user in users())
  return client
}

const pair = async (topic) => [await enter(here, topic, "ada"), await enter(there, topic, "bob")]

const scenarios = {
  async each_sees_the_other_with_what_was_fetched(){
    const [ada, bob] = await pair("room:1")
    await ada.sees({ada: 1, bob: 1})
    await bob.sees({ada: 1, bob: 1})
    assert.deepEqual(ada.presence.state.bob.user, {name: "Bob"})
    assert.deepEqual(bob.presence.state, ada.presence.state)
    assert.match(ada.presence.state.bob.metas[0].phx_ref, /^[\w-]{16}$/)
    return [ada, bob]
  },

  async who_leaves_is_gone_everywhere(){
    const [ada, bob] = await pair("room:2")
    await ada.sees({ada: 1, bob: 1})
    bob.channel.leave()
    await ada.sees({ada: 1})
    assert.deepEqual(ada.seen.leaves.map(([key, left]) => [key, left]), [["bob", 0]])
    return [ada, bob]
  },

  async who_hangs_up_is_gone_everywhere(){
    const [ada, bob] = await pair("room:3")
    await bob.sees({ada: 1, bob: 1})
    ada.socket.disconnect()
    await bob.sees({bob: 1})
    return [bob]
  },

  async one_user_on_two_devices_has_two_metas(){
    const [ada, bob] = await pair("room:4")
    const phone = await enter(there, "room:4", "ada")
    for(const client of [ada, bob, phone]){ await client.sees({ada: 2, bob: 1}) }
    phone.channel.leave()
    await ada.sees({ada: 1, bob: 1})
    await bob.sees({ada: 1, bob: 1})
    assert.deepEqual(ada.seen.leaves.map(([key, left]) => [key, left]), [["ada", 1]])
    return [ada, bob, phone]
  },

  async an_update_replaces_one_meta_and_names_it(){
    const [ada, bob] = await pair("room:5")
    for(const client of [ada, bob]){ await client.sees({ada: 1, bob: 1}) }
    const before = bob.presence.state.ada.metas[0].phx_ref
    ada.channel.push("mood", {mood: "busy"})
    await until("the mood", () => bob.presence.state.ada.metas[0].mood === "busy")
    const [meta, ...others] = bob.presence.state.ada.metas
    assert.equal(others.length, 0)
    assert.equal(meta.phx_ref_prev, before)
    assert.equal(meta.online_at, 1)
    await until("the mood at home", () => ada.presence.state.ada.metas[0].mood === "busy")
    assert.deepEqual(ada.presence.state, bob.presence.state)
    return [ada, bob]
  },

  async a_crash_is_a_leave_and_the_rejoin_a_join(){
    const [ada, bob] = await pair("room:6")
    await ada.sees({ada: 1, bob: 1})
    const before = ada.presence.state.bob.metas[0].phx_ref
    bob.channel.push("crash", {})
    await until("bob is back", () => ada.users().bob === 1 && ada.presence.state.bob.metas[0].phx_ref !== before)
    await bob.sees({ada: 1, bob: 1})
    return [ada, bob]
  },

  async many_come_and_go_and_all_agree(){
    const clients = []
    for(let number = 0; number < 12; number++){
      clients.push(await enter(number % 2 ? here : there, "room:7", `user${number % 5}`))
    }
    for(const client of clients.splice(3, 4)){ client.socket.disconnect() }
    const wanted = {user0: 2, user1: 2, user2: 2, user3: 1, user4: 1}
    for(const client of clients){ await client.sees(wanted) }
    const byKey = presence => Object.entries(presence.state).sort().map(([key, {metas}]) =>
      [key, metas.map(({phx_ref}) => phx_ref).sort()])
    for(const client of clients){ assert.deepEqual(byKey(client.presence), byKey(clients[0].presence)) }
    return clients
  },

  async broadcasts_cross_and_skip_their_sender_when_they_should(){
    const [ada, bob] = await pair("room:8")
    ada.channel.push("say", {n: 1, text: "ä🐎\n"})
    ada.channel.push("others", {n: 2})
    bob.channel.push("say", {n: 3})
    await until("all is said", () => bob.seen.said.length === 3 && ada.seen.said.length === 2)
    assert.deepEqual(bob.seen.said.map(({n}) => n).filter(n => n < 3), [1, 2])
    assert.equal(bob.seen.said.find(({n}) => n === 1).text, "ä🐎\n")
    assert.deepEqual(ada.seen.said.map(({n}) => n).sort(), [1, 3])
    return [ada, bob]
  },

  async bytes_and_long_texts_cross(){
    const [ada, bob] = await pair("room:9")
    ada.channel.push("upload", new Uint8Array([0, 10, 255]).buffer)
    ada.channel.push("say", {text: "ä".repeat(20000)})
    await until("both", () => bob.seen.said.length === 1 && bob.seen.bytes.length === 1)
    assert.deepEqual(bob.seen.bytes, [[0, 10, 255]])
    assert.equal(bob.seen.said[0].text.length, 20000)
    return [ada, bob]
  },
}

for(const [name, run] of Object.entries(scenarios)){
  try {
    const clients = await run()
    for(const {socket} of clients){ socket.disconnect() }
    console.log(JSON.stringify({name, ok: true}))
  } catch(error){
    console.log(JSON.stringify({name, ok: false, error: error.stack}))
  }
}
process.exit(0)
