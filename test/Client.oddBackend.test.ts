/** The façade over a backend whose answers and frames have odd fields: a visitor and staff chat to the end. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { ClientHandler } from "../src/Client.ts"
import { Sandbox } from "../src/sandbox/Sandbox.ts"
import * as SandboxNode from "../src/sandbox/doors/SandboxNode.ts"
import * as Callbacks from "./support/Callbacks.ts"
import { using } from "./support/ClientSetup.ts"
import * as OddBackend from "./support/OddBackend.ts"

type ViewedMessage = Parameters<NonNullable<ClientHandler["onMessage"]>>[0]

const isText = ({ messageType }: ViewedMessage): boolean => messageType === "Text"

/** An app of the documented client. */
const join = Effect.fnUntraced(function* (token: string) {
  const callbacks = Callbacks.make()
  const baseUrl = yield* SandboxNode.baseUrl
  const client = yield* using(callbacks.handler, { baseUrl, token, reconnect: { base: 1, cap: 20 } })
  yield* Effect.promise(() => client.getUserInfo())
  yield* Effect.promise(() => client.getConversations())
  client.open()
  yield* callbacks.called("onOpen")
  const heard = () =>
    callbacks.calls.flatMap(([name, message]) =>
      name === "onMessage" && isText(message as ViewedMessage) ? [message as ViewedMessage] : []
    )
  return {
    client,
    callbacks,
    heard,
    say: (content: string, conversationId: number, toId?: number) => {
      const message = client.buildMessage("Text", content, conversationId)
      return { message, sent: client.sendMessage(message, toId) }
    },
    hears: (content: string) => callbacks.until(() => heard().some((message) => message.content === content)),
    unread: (id: number) =>
      Effect.map(
        Effect.promise(() => client.getConversationById(id)),
        ({ data }) => data.unreadCount
      )
  }
})

describe("a backend with odd fields", () => {
  for (const seed of [1, 2, 3, 4, 5, 6]) {
    it.live(
      `lets apps of the documented client chat to the end (seed ${seed})`,
      () =>
        Effect.gen(function* () {
          const sandbox = yield* Sandbox
          const staff = yield* join("staff-li-token")
          const visitor = yield* join("visitor-chen-token")
          const said = (person: typeof visitor, ...message: Parameters<typeof visitor.say>) =>
            Effect.promise(() => person.say(...message).sent)

          yield* said(visitor, "人工", 0)
          yield* staff.callbacks.called("onConversationBuilt")
          const opened = (yield* sandbox.conversations).find(({ state }) => state === "ACTIVE")
          const id = opened?.id ?? assert.fail("there is no conversation")
          const visitorId = opened?.customer?.id

          const mine = yield* Effect.forEach(["v1", "v2", "v3"], (content) => said(visitor, content, id))
          yield* staff.hears("v3")
          const theirs = yield* Effect.forEach(["s1", "s2"], (content) => said(staff, content, id, visitorId))
          yield* visitor.hears("s2")
          assert.strictEqual(yield* visitor.unread(id), 2)
          yield* Effect.promise(() => visitor.client.readMessage(theirs[1]?.id ?? 0))
          assert.strictEqual(yield* visitor.unread(id), 0)
          yield* said(visitor, "v4", id)
          yield* staff.hears("v4")
          assert.isTrue(theirs.every(({ isRead }) => isRead))

          yield* Effect.forEach(yield* sandbox.connections, (connection) => connection.reset)
          const late = [
            staff.say("s3", id, visitorId),
            visitor.say("v5", id),
            staff.say("s4", id, visitorId),
            visitor.say("v6", id)
          ]
          for (const { sent } of late) yield* Effect.promise(() => sent)
          yield* Effect.all([staff.hears("v6"), visitor.hears("s4")])

          const history = (yield* sandbox.messages(id)).filter(({ messageType }) => messageType === "Text")
          const of = (pattern: RegExp) => history.filter(({ content }) => pattern.test(String(content)))
          const pairs = (messages: ReadonlyArray<{ readonly id: unknown; readonly content?: unknown }>) =>
            messages.map((message) => [Number(message.id), message.content])
          const contents = (messages: typeof history) => messages.map(({ content }) => content)
          assert.deepStrictEqual(contents(of(/^v/)), ["v1", "v2", "v3", "v4", "v5", "v6"])
          assert.deepStrictEqual(contents(of(/^s/)), ["s1", "s2", "s3", "s4"])
          const heardBy = (person: typeof visitor, pattern: RegExp) =>
            person.heard().filter(({ content }) => pattern.test(String(content)))
          assert.deepStrictEqual(pairs(heardBy(staff, /^v/)), pairs(of(/^v/)), "staff hear each once, in order")
          assert.deepStrictEqual(
            pairs(heardBy(visitor, /^s/)),
            pairs(of(/^s/)),
            "the visitor hears each once, in order"
          )
          assert.deepStrictEqual(pairs(mine), pairs(of(/^v[123]/)))

          yield* Effect.promise(() => staff.client.closeConversation(id))
          yield* visitor.callbacks.called("onConversationClosed")
        }).pipe(Effect.provide(SandboxNode.layer().pipe(Layer.provide(OddBackend.layer(seed)))), Effect.scoped),
      30_000
    )
  }
})
