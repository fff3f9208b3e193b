// Two people in two browsers talk in examples/chat. Prints one JSON line a step: {"name": …, "ok": …, "error": …}.
// Usage: node chat.mjs <chromium> <address of ada's process> <address of bob's> <screenshot.png>
// It prints "restart" when the servers are to be restarted, and goes on when they answer again.

import assert from "node:assert/strict"
import {chromium} from "playwright-core"

const [executablePath, ...rest] = process.argv.slice(2)
const [ada, bob] = rest.slice(0, 2).map(address => ({address}))
const screenshot = rest[2]

// As root Chromium starts without its sandbox only; it shows this machine's own pages.
const browser = await chromium.launch({executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"]})
const problems = []

const enter = async (person, name) => {
  const context = await browser.newContext({viewport: {width: 1000, height: 640}})
  const page = person.page = await context.newPage()
  page.setDefaultTimeout(30000)
  page.on("pageerror", error => problems.push(String(error)))
  await page.goto(person.address)
  await page.fill("#user_name", name)
  await page.click("button")
  await live(person)
}

const live = ({page}) => page.waitForFunction(() => document.getElementById("state")?.textContent === "live")
const people = ({page}, names) => page.waitForFunction(
  wanted => [...document.querySelectorAll("#people li")].map(item => item.textContent).join() === wanted, names.join()
)
const hears = ({page}, body) => page.waitForSelector(`#messages li span:text-is("${body}")`)
const say = async ({page}, body) => {
  await page.fill("#body", body)
  await page.click("#say button")
  await page.waitForFunction(() => document.getElementById("body").value === "")
}
const count = ({page}) => page.locator("#messages li").count()

const steps = {
  async a_name_that_the_changeset_refuses_is_told_beside_its_field(){
    const page = await (await browser.newContext()).newPage()
    await page.goto(ada.address)
    await page.fill("#user_name", "x")
    await page.click("button")
    assert.equal(await page.textContent("#user_name + .errors"), "should be at least 2 character(s)")
    assert.equal(await page.inputValue("#user_name"), "x")
    assert.equal(await page.getAttribute("#user_name", "aria-describedby"), "user_name_error")
  },

  async two_people_see_each_other(){
    await enter(ada, "ada")
    await enter(bob, "bob")
    for(const person of [ada, bob]){ await people(person, ["ada", "bob"]) }
  },

  async what_one_says_the_other_hears_and_as_text(){
    await say(ada, "hello bob")
    await hears(bob, "hello bob")
    await say(bob, "<b>hello</b> ada 🐎")
    await hears(ada, "<b>hello</b> ada 🐎")
    for(const {page} of [ada, bob]){
      assert.deepEqual(await page.locator("#messages b").allTextContents(), ["ada", "bob"])
    }
  },

  async a_message_that_the_changeset_refuses_is_told_beside_its_field(){
    await ada.page.fill("#body", "   ")
    await ada.page.click("#say button")
    await ada.page.waitForSelector("#body_errors:not([hidden])")
    assert.equal(await ada.page.textContent("#body_errors"), "can't be blank")
    await ada.page.fill("#body", "x".repeat(301))
    await ada.page.click("#say button")
    await ada.page.waitForFunction(() => document.getElementById("body_errors").textContent.startsWith("should"))
    assert.equal(await ada.page.textContent("#body_errors"), "should be at most 300 character(s)")
    assert.equal(await count(bob), 2)
    await say(ada, "short enough")
    assert.equal(await ada.page.isVisible("#body_errors"), false)
  },

  async a_room_that_the_database_refuses_is_told_beside_its_field(){
    await ada.page.fill("#room_name", "lobby")
    await ada.page.click("#open button")
    await ada.page.waitForSelector("#room_name + .errors")
    assert.equal(await ada.page.textContent("#room_name + .errors"), "has already been taken")
    await live(ada)
    await people(ada, ["ada", "bob"])
    await ada.page.screenshot({path: screenshot})
  },

  async a_room_that_is_opened_shows_on_the_other_page(){
    await ada.page.fill("#room_name", "garden")
    await ada.page.fill("#room_topic", "flowers")
    await ada.page.click("#open button")
    await ada.page.waitForFunction(() => document.title === "#garden")
    await bob.page.waitForSelector('#rooms a[href="/rooms/garden"]')
    await people(bob, ["bob"])
    await ada.page.click('#rooms a[href="/rooms/lobby"]')
    await people(bob, ["ada", "bob"])
    await live(ada)
  },

  async history_comes_by_pages(){
    for(let number = 0; number < 24; number++){ await say(bob, `number ${number}`) }
    await hears(ada, "number 23")
    await ada.page.reload()
    await hears(ada, "number 23")
    assert.equal(await count(ada), 20)
    await ada.page.click("#older")
    await hears(ada, "hello bob")
    assert.equal(await count(ada), 27)
    assert.equal(await ada.page.isVisible("#older"), false)
    assert.equal(await ada.page.textContent("#messages li:first-child span"), "hello bob")
    assert.equal(await ada.page.textContent("#messages li:last-child span"), "number 23")
  },

  async a_restarted_server_is_come_back_to(){
    await people(ada, ["ada", "bob"])
    console.log("restart")
    for(const {page} of [ada, bob]){
      await page.waitForFunction(() => document.getElementById("state")?.textContent !== "live")
    }
    for(const person of [ada, bob]){ await live(person) }
    for(const person of [ada, bob]){ await people(person, ["ada", "bob"]) }
    await say(ada, "still there?")
    await hears(bob, "still there?")
    await hears(bob, "number 23")
    await say(bob, "yes")
    await hears(ada, "yes")
  },

  async who_closes_the_page_is_gone_from_the_list(){
    await bob.page.context().close()
    await people(ada, ["ada"])
  },

  async a_browser_that_polls_takes_part(){
    await enter(bob, "bob")
    await bob.page.goto(`${bob.address}/rooms/lobby?transport=longpoll`)
    await live(bob)
    await people(ada, ["ada", "bob"])
    await say(bob, "by polling")
    await hears(ada, "by polling")
    await say(ada, "heard")
    await hears(bob, "heard")
    assert.deepEqual(problems, [])
  },
}

let failed = false
for(const [name, step] of Object.entries(steps)){
  try {
    if(failed){ throw new Error("an earlier step failed") }
    await step()
    console.log(JSON.stringify({name, ok: true}))
  } catch(error){
    failed = true
    console.log(JSON.stringify({name, ok: false, error: String(error.stack ?? error)}))
  }
}
await browser.close()
process.exit(0)
