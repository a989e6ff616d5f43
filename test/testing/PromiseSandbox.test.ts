/**
 * What the author of a test without Effect gets: the sandbox in promises. As such a test does, these use neither Effect
 * nor virtual time.
 */
import { assert, describe, it } from "vitest"
import { Client, KefuError } from "../../src/Client.ts"
import { startSandbox } from "../../src/testing/PromiseSandbox.ts"

const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => assert.fail("It did not reject"),
    (error: unknown) => error
  )

describe("startSandbox", () => {
  it("serves a client, and tells what was said", async () => {
    await using sandbox = await startSandbox()
    const { token, userId } = await sandbox.createVisitor({ nickname: "陈一" })
    await using client = new Client({}, { baseUrl: sandbox.baseUrl, token })

    const sent = await client.sendMessage(client.buildMessage("Text", "多久发货？", 0))

    const [conversation] = (await sandbox.conversations()).filter(({ customer }) => customer?.id === userId)
    assert.isDefined(conversation)
    const messages = await sandbox.messages(conversation.id)
    assert.deepStrictEqual(
      messages.filter(({ fromId }) => fromId === userId).map(({ content, id }) => [id, content]),
      [[sent.id, "多久发货？"]]
    )
    assert.deepStrictEqual((await client.getUserInfo()).data.nickname, "陈一")
  })

  it("fails on demand until it is told to stop", async () => {
    await using sandbox = await startSandbox()
    const { token, userId } = await sandbox.createVisitor()
    await sandbox.inject({ _tag: "RefuseDials", status: 503 })
    const options = { baseUrl: sandbox.baseUrl, token, reconnect: { base: 600_000, cap: 600_000 } }
    let onClose = (_: { readonly willReconnect: boolean }) => {}
    const refused = new Promise<boolean>((resolve) => {
      onClose = ({ willReconnect }) => resolve(willReconnect)
    })
    await using client = new Client({ onClose }, options)
    const sending = client.sendMessage(client.buildMessage("Text", "你好", 0))
    assert.isTrue(await refused)

    await sandbox.clearFaults()
    client.retryNow()
    await sending

    const said = (await sandbox.conversations()).flatMap(({ messages }) => messages ?? [])
    assert.deepStrictEqual(
      said.filter(({ fromId }) => fromId === userId).map(({ content }) => content),
      ["你好"]
    )
  })

  it("refuses what is not a fault, and a conversation that does not exist", async () => {
    await using sandbox = await startSandbox()
    assert.match(String(await rejection(sandbox.inject({ _tag: "RefuseDials", status: 200 }))), /status/)
    const unknown = JSON.parse('{ "_tag": "Rest" }') as { readonly _tag: "Reset" }
    assert.match(String(await rejection(sandbox.inject(unknown))), /there is no fault "Rest"; did you mean Reset\?/)
    assert.match(String(await rejection(sandbox.messages(987_654))), /987654/)
  })

  it("a token can be made invalid, and a refused command has a reason", async () => {
    await using sandbox = await startSandbox()
    const { token } = await sandbox.createStaff()
    await using client = new Client({}, { baseUrl: sandbox.baseUrl, token, ackTimeout: 500 })
    await rejection(client.recallMessage(987_654))
    assert.deepStrictEqual(
      (await sandbox.refusals()).map(({ command, error }) => [command, error]),
      [["Recall", "NotFound"]]
    )
    await sandbox.revokeToken(token)
    const error = await rejection(client.getQuickReply())
    assert.strictEqual(error instanceof KefuError && error.reason._tag, "Unauthorized")
  })

  it("says why it cannot listen; releases its port; may be closed twice", async () => {
    const sandbox = await startSandbox()
    const { port } = new URL(sandbox.baseUrl)
    assert.match(
      String(await rejection(startSandbox({ port: Number(port) }))),
      new RegExp(`cannot listen on 127.0.0.1:${port}: .*EADDRINUSE`)
    )
    await sandbox.close()
    await sandbox.close()
    await using again = await startSandbox({ port: Number(port) })
    assert.strictEqual(again.baseUrl, sandbox.baseUrl)
  })
})
