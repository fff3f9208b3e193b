// Scenarios for the stock Phoenix client. Prints one JSON line a scenario: {"name": …, "ok": …, "error": …}.
// Usage: node client.mjs <host:port>[,<host:port>] <1.8|1.7> <websocket|longpoll> <scenario>…
// Of two processes each new WebSocket, and each request of a client that polls, goes to the other one than the last.
// A scenario that is not for every client names those that it is for after its brace.

import assert from "node:assert/strict"
import {createServer as createHttpServer, request} from "node:http"
import {createServer, connect as dial} from "node:net"
import {WebSocket} from "ws"
import {XMLHttpRequest} from "./xhr.mjs"

const [addresses, version, kind, ...names] = process.argv.slice(2)
const processes = addresses.split(",")
// Version 1.7 polls with an XMLHttpRequest of `self`, which browsers have and node has not.
if(version === "1.7"){ Object.assign(globalThis, {self: globalThis, XMLHttpRequest}) }
const {Socket, LongPoll} = await import(version === "1.7" ? "phoenix-1.7" : "phoenix")

// What stands before several processes in production, without stickiness.
const balanced = async () => {
  let turn = 0
  const next = () => processes[turn++ % processes.length].split(":")
  const server = createHttpServer((asked, answer) => {
    const [host, port] = next()
    const {method, url: path, headers} = asked
    const passed = request({host, port, method, path, headers, agent: false}, (response) => {
      answer.writeHead(response.statusCode, response.headers)
      response.pipe(answer)
    })
    passed.on("error", () => answer.destroy())
    answer.on("close", () => passed.destroy())
    asked.pipe(passed)
  })
  server.on("upgrade", (asked, near, head) => {
    const [host, port] = next()
    const far = dial(Number(port), host, () => {
      const lines = [`${asked.method} ${asked.url} HTTP/1.1`]
      for(let n = 0; n < asked.rawHeaders.length; n += 2){ lines.push(`${asked.rawHeaders[n]}: ${asked.rawHeaders[n + 1]}`) }
      far.write(lines.join("\r\n") + "\r\n\r\n")
      far.write(head)
      near.pipe(far).pipe(near)
    })
    for(const [line, other] of [[near, far], [far, near]]){
      line.on("error", () => {})
      line.on("close", () => other.destroy())
    }
  })
  await new Promise(resolve => server.listen(0, "127.0.0.1", resolve))
  return `127.0.0.1:${server.address().port}`
}

const host = processes.length === 1 ? processes[0] : await balanced()
const url = `ws://${host}/socket`
const polling = kind === "longpoll"
// How long what must come may take; a server that starts anew on a busy machine needs more than one that runs.
const WAIT = names.includes("a_restarted_server_is_come_back_to") ? 90000 : 20000

class ForeignWebSocket extends WebSocket {
  constructor(address, protocols){ super(address, protocols, {origin: "https://evil.test"}) }
}

class SameSiteWebSocket extends WebSocket {
  constructor(address, protocols){ super(address, protocols, {origin: `http://${host}`}) }
}

// A network that lets no WebSocket through, and says nothing of it.
class SilentWebSocket {
  constructor(){ this.readyState = 0 }
  close(){ this.readyState = 3; setTimeout(() => this.onclose?.({code: 1006}), 0) }
}

class Recording extends WebSocket {
  constructor(address, protocols){
    super(address, protocols)
    Recording.frames = []
    this.on("message", (data, isBinary) => { if(!isBinary) Recording.frames.push(JSON.parse(data.toString())) })
  }
}

const within = (promise, what) => {
  const first = Promise.race([
    promise,
    new Promise((_, reject) => setTimeout(() => reject(new Error(`timeout: ${what}`)), WAIT).unref())
  ])
  // Not every scenario waits for all that it begins: what is never waited for must not end the others.
  first.catch(() => {})
  return first
}

const connect = ({at = host, ...options} = {}) => {
  const socket = new Socket(`ws://${at}/socket`, {
    transport: polling ? LongPoll : WebSocket, timeout: 10000, reconnectAfterMs: () => 30, rejoinAfterMs: () => 30, ...options
  })
  const opened = within(new Promise(resolve => socket.onOpen(resolve)), "open")
  socket.connect()
  return {socket, opened}
}

const answer = (push) => within(new Promise(resolve => {
  for(const status of ["ok", "error", "timeout"]){ push.receive(status, response => resolve({status, response})) }
}), "reply")

const next = (channel, event) => within(new Promise(resolve => {
  const ref = channel.on(event, payload => { channel.off(event, ref); resolve(payload) })
}), event)

const until = (what, test) => within(new Promise(resolve => {
  const timer = setInterval(() => { if(test()){ clearInterval(timer); resolve() } }, 5)
}), what)

const joined = async (topic, params = {}, options = {}) => {
  const {socket, opened} = connect(options)
  await opened
  const channel = socket.channel(topic, params)
  let welcomed = false
  const ref = channel.on("welcome", () => { channel.off("welcome", ref); welcomed = true })
  const reply = await answer(channel.join())
  if(reply.status === "ok" && topic.startsWith("room:")){ await until("welcome", () => welcomed) }
  return {socket, channel, reply}
}

// Bytes arrive as an ArrayBuffer; where a client polls, as an object with their base64.
const bytes = (payload) => [
  ...(payload instanceof ArrayBuffer ? new Uint8Array(payload) : Buffer.from(payload.base64, "base64"))
]

// A network between client and server that can be cut, and mended.
const network = async () => {
  const lines = new Set()
  const [name, port] = host.split(":")
  const keep = (line) => { lines.add(line); line.on("error", () => {}); line.on("close", () => lines.delete(line)) }
  let cut = false
  const server = createServer((near) => {
    keep(near)
    if(cut){ near.destroy(); return }
    const far = dial(Number(port), name)
    keep(far)
    near.pipe(far).pipe(near)
    near.on("close", () => far.destroy())
    far.on("close", () => near.destroy())
  })
  await new Promise(resolve => server.listen(0, "127.0.0.1", resolve))
  return {
    at: `127.0.0.1:${server.address().port}`,
    cut(){ cut = true; for(const line of lines){ line.destroy() } },
    mend(){ cut = false },
    close(){ server.close(); for(const line of lines){ line.destroy() } }
  }
}

const post = (path, at = host) => within(new Promise((resolve, reject) => {
  const asked = request(`http://${at}${path}`, {method: "POST", agent: false}, (response) => {
    response.resume()
    response.on("end", () => resolve(response.statusCode))
  })
  asked.on("error", reject)
  asked.end()
}), path)

const status = (WebSocketClass, address) => within(new Promise((resolve, reject) => {
  const raw = new WebSocketClass(address)
  raw.on("open", () => { raw.terminate(); resolve(101) })
  raw.on("unexpected-response", (_request, response) => {
    let body = ""
    response.on("data", chunk => { body += chunk })
    response.on("end", () => resolve({status: response.statusCode, body}))
  })
  raw.on("error", reject)
}), "handshake")

const scenarios = {
  async open(){
    const {socket, opened} = connect()
    await opened
    assert.equal(socket.isConnected(), true)
    return [socket]
  },

  async join_ok(){
    const {socket, reply} = await joined("room:1", {}, {params: {user: "ada"}})
    assert.deepEqual(reply, {status: "ok", response: {topic: "room:1", user: "ada"}})
    return [socket]
  },

  async join_error(){
    const {socket, channel, reply} = await joined("room:1", {mode: "refuse"})
    assert.deepEqual(reply, {status: "error", response: {reason: "unauthorized"}})
    channel.leave()
    return [socket]
  },

  async join_crash(){
    const {socket, channel, reply} = await joined("room:1", {mode: "crash"})
    assert.deepEqual(reply, {status: "error", response: {reason: "join crashed"}})
    channel.leave()
    return [socket]
  },

  async push_after_join_comes_after_the_reply(){
    const {socket, opened} = connect()
    await opened
    const order = []
    const channel = socket.channel("room:welcome")
    channel.on("welcome", () => order.push("welcome"))
    channel.join().receive("ok", () => order.push("joined"))
    await until("welcome", () => order.length === 2)
    assert.deepEqual(order, ["joined", "welcome"])
    return [socket]
  },

  async push_and_reply(){
    const {socket, channel} = await joined("room:2")
    const payload = {text: "žluťoučký 🐎", list: [1, 2.5, null, true], deep: {a: {b: []}}}
    assert.deepEqual(await answer(channel.push("echo", payload)), {status: "ok", response: payload})
    assert.deepEqual(await answer(channel.push("refuse", {})), {status: "error", response: {reason: "no"}})
    return [socket]
  },

  async assigns_last_from_push_to_push(){
    const {socket, channel} = await joined("room:count")
    const replies = [1, 2, 3].map(() => answer(channel.push("count", {})))
    assert.deepEqual((await Promise.all(replies)).map(({response}) => response.count), [1, 2, 3])
    return [socket]
  },

  async reply_by_reference(){
    const {socket, channel} = await joined("room:later")
    assert.deepEqual(await answer(channel.push("later", {})), {status: "ok", response: {late: true}})
    return [socket]
  },

  async broadcast_reaches_a_second_client(){
    const one = await joined("room:3")
    const two = await joined("room:3")
    const elsewhere = await joined("room:other")
    elsewhere.channel.on("new_msg", () => { throw new Error("a broadcast reached another topic") })
    const received = [next(one.channel, "new_msg"), next(two.channel, "new_msg")]
    one.channel.push("new_msg", {body: "hi"})
    assert.deepEqual(await Promise.all(received), [{body: "hi", room: "room:3"}, {body: "hi", room: "room:3"}])
    return [one.socket, two.socket, elsewhere.socket]
  },

  async broadcast_from_skips_the_sender(){
    const one = await joined("room:4")
    const two = await joined("room:4")
    let own = 0
    one.channel.on("others", () => { own++ })
    const received = next(two.channel, "others")
    const reply = await answer(one.channel.push("others", {n: 1}))
    assert.deepEqual(reply.response, {told: "others"})
    assert.deepEqual(await received, {n: 1})
    await answer(one.channel.push("echo", {}))
    assert.equal(own, 0)
    return [one.socket, two.socket]
  },

  async intercepted_broadcast_is_told_to_each_in_its_own_words(){
    const one = await joined("room:5", {}, {params: {user: "ada"}})
    const two = await joined("room:5", {}, {params: {user: "bob"}})
    const received = [next(one.channel, "whisper"), next(two.channel, "whisper")]
    one.channel.push("whisper", {})
    assert.deepEqual(await Promise.all(received), [{for: "ada"}, {for: "bob"}])
    return [one.socket, two.socket]
  },

  async binary_push_reply_and_broadcast(){
    const one = await joined("room:6")
    const two = await joined("room:6")
    const received = next(two.channel, "bytes")
    const reply = await answer(one.channel.push("upload", new Uint8Array([1, 2, 254]).buffer))
    assert.deepEqual(bytes(reply.response), [254, 2, 1])
    assert.deepEqual(bytes(await received), [254, 2, 1])
    return [one.socket, two.socket]
  },

  async empty_and_large_binary(){
    const {socket, channel} = await joined("room:6b")
    assert.deepEqual(bytes((await answer(channel.push("upload", new ArrayBuffer(0)))).response), [])
    const large = new Uint8Array(100_000).map((_, n) => n % 251)
    assert.deepEqual(bytes((await answer(channel.push("upload", large.buffer))).response), [...large].reverse())
    return [socket]
  },

  async a_client_that_polls_and_one_with_a_websocket_talk(){ // longpoll
    const one = await joined("room:mixed")
    const two = await joined("room:mixed", {}, {transport: WebSocket})
    const text = [next(one.channel, "new_msg"), next(two.channel, "new_msg")]
    one.channel.push("new_msg", {body: "hi"})
    assert.deepEqual(await Promise.all(text), [{body: "hi", room: "room:mixed"}, {body: "hi", room: "room:mixed"}])
    const over = next(two.channel, "bytes")
    one.channel.push("upload", new Uint8Array([7, 8]).buffer)
    assert.deepEqual([...new Uint8Array(await over)], [8, 7])
    const back = next(one.channel, "bytes")
    two.channel.push("upload", new Uint8Array([9, 10]).buffer)
    assert.deepEqual(await back, {base64: "Cgk="})
    return [one.socket, two.socket]
  },

  async hundreds_of_pushes_are_answered_in_order(){
    const {socket, channel} = await joined("room:many")
    // By ninety, since a server takes a hundred of one POST, and version 1.7 polls with any number in one.
    for(let round = 0; round < 4; round++){
      const replies = Array.from({length: 90}, (_, n) => answer(channel.push("echo", {n})))
      assert.deepEqual((await Promise.all(replies)).map(({response}) => response.n), [...Array(90).keys()])
    }
    return [socket]
  },

  async heartbeat(){ // websocket
    // The client hangs up when one is not answered before the next, which on a busy machine takes a while.
    const {socket, opened} = connect({heartbeatIntervalMs: 500})
    await opened
    const seen = []
    socket.onMessage(message => { if(message.topic === "phoenix"){ seen.push(message) } })
    await until("heartbeats", () => seen.length >= 3)
    assert.deepEqual(seen[0].payload, {status: "ok", response: {}})
    assert.equal(socket.isConnected(), true)
    return [socket]
  },

  async ping(){
    const {socket, opened} = connect()
    await opened
    const rtt = await within(new Promise(resolve => socket.ping(resolve)), "ping")
    assert.ok(rtt >= 0)
    return [socket]
  },

  async unmatched_topic(){
    const {socket, channel, reply} = await joined("nothing:here")
    assert.deepEqual(reply, {status: "error", response: {reason: "unmatched topic"}})
    channel.leave()
    return [socket]
  },

  async crash_then_error_then_automatic_rejoin(){
    const {socket, channel} = await joined("room:7")
    const errors = []
    channel.onError(reason => errors.push(reason))
    const again = next(channel, "welcome")
    channel.push("crash", {})
    await again
    await until("rejoin", () => channel.state === "joined")
    assert.deepEqual(errors[0], {reason: "channel_crash"})
    assert.equal((await answer(channel.push("echo", {}))).status, "ok")
    assert.equal(socket.isConnected(), true)
    return [socket]
  },

  async crash_ends_one_channel_only(){
    const {socket, channel} = await joined("room:8")
    const other = socket.channel("room:9")
    await answer(other.join())
    let failed = 0
    other.onError(() => { failed++ })
    const crashed = within(new Promise(resolve => channel.onError(resolve)), "error")
    channel.push("crash", {})
    await crashed
    assert.equal((await answer(other.push("echo", {a: 1}))).status, "ok")
    assert.equal(failed, 0)
    return [socket]
  },

  async unknown_event_crashes_the_channel(){
    const {socket, channel} = await joined("lonely")
    const crashed = within(new Promise(resolve => channel.onError(resolve)), "error")
    channel.push("join", {})
    assert.deepEqual(await crashed, {reason: "channel_crash"})
    return [socket]
  },

  async leave(){
    const {socket, channel} = await joined("room:10")
    const closed = within(new Promise(resolve => channel.onClose(resolve)), "close")
    assert.equal((await answer(channel.leave())).status, "ok")
    await closed
    assert.equal(channel.state, "closed")
    const again = socket.channel("room:10")
    assert.equal((await answer(again.join())).status, "ok")
    return [socket]
  },

  async stop_with_reply_closes_the_channel(){
    const {socket, channel} = await joined("room:11")
    const closed = within(new Promise(resolve => channel.onClose(resolve)), "close")
    assert.deepEqual(await answer(channel.push("stop", {})), {status: "ok", response: {bye: true}})
    await closed
    return [socket]
  },

  async duplicate_join_leaves_the_first_channel(){ // websocket
    const {socket, channel} = await joined("room:12", {}, {transport: Recording})
    const start = Recording.frames.length
    const twin = socket.channel("room:12")
    assert.equal((await answer(twin.join())).status, "ok")
    assert.equal(channel.state, "closed")
    assert.equal(twin.state, "joined")
    const order = Recording.frames.slice(start).map(([joinRef, , , event]) => [joinRef, event]).slice(0, 3)
    const [first, second] = [channel.joinRef(), twin.joinRef()]
    assert.deepEqual(order, [[first, "phx_reply"], [first, "phx_close"], [second, "phx_reply"]])
    return [socket]
  },

  async slow_join_holds_back_its_own_topic_only(){
    const {socket, channel} = await joined("room:13")
    const slow = socket.channel("room:slow", {mode: "slow"})
    const order = []
    const slowJoin = answer(slow.join()).then(() => order.push("slow join"))
    await answer(channel.push("echo", {})).then(() => order.push("echo"))
    await within(new Promise(resolve => socket.ping(resolve)), "ping").then(() => order.push("ping"))
    await slowJoin
    assert.deepEqual(order, ["echo", "ping", "slow join"])
    return [socket]
  },

  async refused_connect(){ // websocket
    assert.deepEqual(await status(WebSocket, `${url}/websocket?vsn=2.0.0&user=mallory`), {status: 429, body: "slow down"})
    const {socket} = connect({params: {user: "mallory"}})
    let opened = false
    socket.onOpen(() => { opened = true })
    await within(new Promise(resolve => socket.onError(resolve)), "error")
    assert.equal(opened, false)
    return [socket]
  },

  async other_version_refused(){ // websocket
    assert.equal((await status(WebSocket, `${url}/websocket?vsn=3.0.0`)).status, 403)
    return []
  },

  async foreign_origin_refused(){ // websocket
    assert.equal((await status(ForeignWebSocket, `${url}/websocket?vsn=2.0.0`)).status, 403)
    assert.equal(await status(SameSiteWebSocket, `${url}/websocket?vsn=2.0.0`), 101)
    return []
  },

  async auth_token_travels_outside_the_url(){ // 1.8
    const {socket, reply} = await joined("room:14", {}, {authToken: "eve.s3cret-token"})
    assert.equal(reply.response.user, "eve.s3cret-token")
    return [socket]
  },

  async refused_connect_while_polling(){ // longpoll
    const {socket} = connect({params: {user: "mallory"}})
    let opened = false
    socket.onOpen(() => { opened = true })
    await within(new Promise(resolve => socket.onError(resolve)), "error")
    assert.equal(opened, false)
    return [socket]
  },

  async params_of_the_socket_nest(){
    const params = {user: "zoë", filter: {tag: "a & b", deep: {"x y": "1"}}, list: ["a", "b"], items: [{id: 7}], none: {}}
    const {socket, channel} = await joined("room:params", {}, {params})
    const {status, response: {vsn, ...nested}} = await answer(channel.push("params", {}))
    assert.equal(status, "ok")
    assert.equal(vsn, "2.0.0")
    // The client writes a list by its positions.
    assert.deepEqual(nested, {
      user: "zoë", filter: {tag: "a & b", deep: {"x y": "1"}}, list: {0: "a", 1: "b"}, items: {0: {id: "7"}}
    })
    return [socket]
  },

  async reconnects_and_rejoins_after_the_connection_breaks(){ // websocket
    const {socket, channel} = await joined("room:15")
    const again = next(channel, "welcome")
    socket.conn.terminate()
    await again
    assert.equal((await answer(channel.push("echo", {}))).status, "ok")
    return [socket]
  },

  async reconnects_and_rejoins_after_the_network_was_cut(){
    const line = await network()
    const {socket, channel} = await joined("room:cut", {}, {at: line.at})
    const failed = within(new Promise(resolve => channel.onError(resolve)), "error")
    const again = next(channel, "welcome")
    line.cut()
    await failed
    await new Promise(resolve => setTimeout(resolve, 200))
    assert.equal(socket.isConnected(), false)
    line.mend()
    await again
    await until("rejoin", () => channel.state === "joined")
    assert.equal((await answer(channel.push("echo", {}))).status, "ok")
    socket.disconnect()
    line.close()
    return []
  },

  async a_drained_server_is_left_with_1012_and_come_back_to(){
    const {socket, channel} = await joined("room:drain")
    const codes = []
    socket.onClose(event => codes.push(event.code))
    const again = next(channel, "welcome")
    for(const one of processes){ assert.equal(await post("/drain", one), 204) }
    await until("close", () => codes.length > 0)
    if(!polling){ assert.equal(codes[0], 1012) }
    await new Promise(resolve => setTimeout(resolve, 200))
    assert.equal(socket.isConnected(), false)
    for(const one of processes){ assert.equal(await post("/resume", one), 204) }
    await again
    await until("rejoin", () => channel.state === "joined")
    assert.equal((await answer(channel.push("echo", {}))).status, "ok")
    return [socket]
  },

  async server_disconnects_an_id_and_the_client_comes_back(){
    const {socket, channel} = await joined("room:16", {}, {params: {user: "zoe"}})
    const again = next(channel, "welcome")
    const closed = within(new Promise(resolve => socket.onClose(resolve)), "close")
    assert.equal(await post("/disconnect/zoe"), 204)
    const {code} = await closed
    if(!polling){ assert.equal(code, 1001) }
    await again
    return [socket]
  },

  async falls_back_to_polling_where_no_websocket_gets_through(){ // websocket
    const kept = new Map()
    const sessionStorage = {getItem: key => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value)}
    const {socket, channel} = await joined("room:fallback", {}, {
      transport: SilentWebSocket, longPollFallbackMs: 100, sessionStorage
    })
    assert.equal(socket.transport, LongPoll)
    assert.equal((await answer(channel.push("echo", {}))).status, "ok")
    return [socket]
  },

  async a_restarted_server_is_come_back_to(){ // restart
    const {socket, channel} = await joined("room:restart")
    const failed = within(new Promise(resolve => channel.onError(resolve)), "error")
    const again = next(channel, "welcome")
    console.log("ready")
    await failed
    await again
    await until("rejoin", () => channel.state === "joined")
    assert.equal((await answer(channel.push("echo", {}))).status, "ok")
    return [socket]
  },
}

const run = async (name) => {
  try {
    const sockets = await scenarios[name]()
    for(const socket of sockets){ socket.disconnect() }
    return {name, ok: true}
  } catch (error){
    return {name, ok: false, error: String(error.stack ?? error)}
  }
}

for(const name of names){ console.log(JSON.stringify(await run(name))) }
process.exit(0)
