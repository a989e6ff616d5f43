/** The process of one person: a session over the global `fetch` and `WebSocket`, which does as it is told and tells all. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import * as Stream from "effect/Stream"
import { Client, type KefuError } from "../../../src/Client.ts"
import type { ClientOptions } from "../../../src/client/options.ts"
import type { ConversationId, UserId } from "../../../src/domain/Id.ts"
import * as Kefu from "../../../src/Kefu.ts"
import { Outbox } from "../../../src/outbox/Outbox.ts"
import { isSettled } from "../../../src/outbox/OutboxState.ts"
import { Realtime } from "../../../src/realtime/Realtime.ts"
import type { News, Order, Part } from "./Talk.ts"

const part: Part = JSON.parse(process.argv[2] ?? "")
const { api, baseUrl, folder, options, token } = part

const tell = (news: News) => void process.send?.(news)

/** In which conversation a member of staff talks to a visitor. */
const talks = new Map<number, number>()

interface Heard {
  readonly _tag: string
  readonly message?: {
    readonly id: number
    readonly conversationId: number
    readonly fromId?: number | null | undefined
    readonly messageType?: unknown
    readonly content?: unknown
  }
  readonly recovered?: boolean
  readonly conversationId?: number | undefined
  readonly detail?: string
  readonly conversations?: ReadonlyArray<{
    readonly id: number
    readonly customer?: { readonly id: number } | null | undefined
    readonly messages?: ReadonlyArray<{ readonly id: number }> | null | undefined
  }>
  readonly state?: { readonly _tag: string }
}

/** Notes an event of either API. */
const hear = (event: Heard) => {
  const { conversations, message, state } = event
  if (message !== undefined) {
    const { conversationId, fromId, id } = message
    if (typeof fromId === "number") talks.set(fromId, conversationId)
    const kind = String(message.messageType)
    tell({ _tag: "Heard", id, conversationId, fromId: fromId ?? null, kind, recovered: event.recovered === true })
  } else if (conversations !== undefined) {
    for (const { customer, id } of conversations) if (typeof customer?.id === "number") talks.set(customer.id, id)
    tell({ _tag: "Given", ids: conversations.flatMap(({ messages }) => (messages ?? []).map(({ id }) => id)) })
  } else if (state !== undefined) tell({ _tag: "State", state: state._tag })
  else if (event._tag !== "MessagesRead" && event._tag !== "Inputting") {
    tell({ _tag: "Gap", conversationId: event.conversationId ?? null, why: `${event._tag} ${event.detail ?? ""}` })
  }
}

const orders = Effect.gen(function* () {
  const queue = yield* Queue.unbounded<Order>()
  process.on("message", (order: Order) => Queue.offerUnsafe(queue, order))
  return queue
})

/** By the Effect API, with every send through the outbox. */
const effectful = Effect.gen(function* () {
  const realtime = yield* Realtime
  const outbox = yield* Outbox
  const queue = yield* orders
  const events = yield* realtime.subscribe({ lasting: true })
  yield* Effect.forkScoped(Stream.runForEach(events, (event) => Effect.sync(() => hear(event as Heard))))
  yield* Stream.runForEach(outbox.changes, ({ draft, key, state }) =>
    Effect.sync(() => {
      if (!isSettled(state)) return
      const outcome = state._tag === "Failed" ? state.reason._tag : state._tag
      const id = state._tag === "Sent" ? { id: state.id as number } : {}
      tell({ _tag: "Told", key, told: { text: String(draft.content), outcome, ...id } })
    })
  ).pipe(Effect.forkScoped({ startImmediately: true }))
  yield* realtime.open
  tell({ _tag: "Up" })
  while (true) {
    const order = yield* Queue.take(queue)
    if (order._tag === "Leave") break
    const { n, text, to } = order
    const conversationId = to === undefined ? undefined : (talks.get(to) as ConversationId | undefined)
    yield* outbox.enqueue({ messageType: "Text", content: text, toId: to as UserId | undefined, conversationId }).pipe(
      Effect.match({
        onSuccess: ({ key }) => tell({ _tag: "Taken", n, key }),
        onFailure: ({ reason }) => tell({ _tag: "Told", n, told: { text, outcome: reason._tag } })
      })
    )
  }
}).pipe(
  Effect.scoped,
  Effect.provide(
    Kefu.layer({
      ...options,
      baseUrl,
      token,
      outbox: {
        ...options.outbox,
        storage:
          folder === undefined
            ? undefined
            : KeyValueStore.layerFileSystem(folder).pipe(Layer.provide(NodeServices.layer), Layer.orDie)
      }
    })
  )
)

/** By the façade. */
const documented = Effect.gen(function* () {
  const queue = yield* orders
  const client = new Client({}, { ...(options as ClientOptions), baseUrl, token })
  const follow = async () => {
    for await (const event of client) hear(event as Heard)
  }
  void follow()
  client.open()
  tell({ _tag: "Up" })
  while (true) {
    const order = yield* Queue.take(queue)
    if (order._tag === "Leave") break
    const { n, text, to } = order
    const message = client.buildMessage("Text", text, to === undefined ? 0 : (talks.get(to) ?? 0))
    client.sendMessage(message, to).then(
      ({ id }) => tell({ _tag: "Told", n, told: { text, outcome: "Sent", id } }),
      (error: KefuError) => tell({ _tag: "Told", n, told: { text, outcome: error.reason._tag } })
    )
  }
  yield* Effect.promise(() => client.dispose())
})

await Effect.runPromise(api === "effect" ? effectful : documented)
process.disconnect()
