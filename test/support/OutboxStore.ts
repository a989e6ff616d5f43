/**
 * Stores that a test can inspect and break, and sessions of the outbox that use them.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import * as Kefu from "../../src/Kefu.ts"
import { KefuConfig } from "../../src/KefuConfig.ts"
import { Inbox } from "../../src/inbox/Inbox.ts"
import { Outbox } from "../../src/outbox/Outbox.ts"
import { Realtime } from "../../src/realtime/Realtime.ts"
import { TestGateway } from "../../src/testing/TestGateway.ts"
import * as Gateway from "./Gateway.ts"
import type { Desk } from "./OutboxDesk.ts"

/** A store that fails in its writes, or in everything, as long as the test says so. */
export const makeStore = (map = new Map<string, string>()) => {
  const control = { map, broken: false, unreadable: false, torn: false, writes: 0 }
  const failing = (method: string, message: string) =>
    Effect.fail(new KeyValueStore.KeyValueStoreError({ method, message }))
  const write = (method: string, change: () => void) =>
    Effect.suspend(() => (control.broken ? failing(method, "the disk is full") : Effect.sync(change)))
  const store = KeyValueStore.makeStringOnly({
    get: (key) =>
      Effect.suspend(() => (control.unreadable ? failing("get", "the disk is gone") : Effect.sync(() => map.get(key)))),
    set: (key, value) =>
      write("set", () => {
        control.writes++
        map.set(key, control.torn ? value.slice(0, value.length / 2) : value)
      }),
    remove: (key) => write("remove", () => map.delete(key)),
    clear: failing("clear", "unsupported"),
    size: failing("size", "unsupported"),
    keys: failing("keys", "unsupported")
  })
  return Object.assign(control, {
    layer: Layer.succeed(KeyValueStore.KeyValueStore, store),
    has: (part: string) => Array.from(map.values()).join().includes(part)
  })
}

/**
 * A store of a process that is killed in the middle of its n-th write, of which it leaves the first bytes: from then on
 * nothing returns.
 */
export const makeMortalStore = (
  map: Map<string, string>,
  death: { readonly write: number; readonly bytes: number }
) => {
  const control = { isDead: false, writes: [] as Array<string> }
  const alive = <A>(step: () => A) => Effect.suspend(() => (control.isDead ? Effect.never : Effect.sync(step)))
  const store = KeyValueStore.makeStringOnly({
    get: (key) => alive(() => map.get(key)),
    set: (key, value) =>
      Effect.suspend(() => {
        if (control.isDead) return Effect.never
        const isLast = control.writes.push(value) === death.write
        map.set(key, isLast ? value.slice(0, death.bytes) : value)
        control.isDead = isLast
        return isLast ? Effect.never : Effect.void
      }),
    remove: (key) => alive(() => void map.delete(key)),
    clear: Effect.never,
    size: Effect.never,
    keys: Effect.never
  })
  return Object.assign(control, { layer: Layer.succeed(KeyValueStore.KeyValueStore, store) })
}

/**
 * A store that stops responding while its gate is closed, as to a process that is suspended or a disk that is busy. What was
 * asked of it meanwhile is done when the gate opens, whether the asker still waits or not.
 */
export const makeGatedStore = (map: Map<string, string>, options?: { readonly areReadsFree: boolean }) => {
  const gate = Latch.makeUnsafe(true)
  const gated = <A>(step: () => A) =>
    Effect.flatMap(Effect.forkDetach(gate.whenOpen(Effect.sync(step)), { startImmediately: true }), Fiber.join)
  const store = KeyValueStore.makeStringOnly({
    get: (key) => (options?.areReadsFree === true ? Effect.sync(() => map.get(key)) : gated(() => map.get(key))),
    set: (key, value) => gated(() => void map.set(key, value)),
    remove: (key) => gated(() => void map.delete(key)),
    clear: Effect.never,
    size: Effect.never,
    keys: Effect.never
  })
  return { map, gate, layer: Layer.succeed(KeyValueStore.KeyValueStore, store) }
}

/** The stored sends' contents. */
export const storedIn = ({ map }: { readonly map: ReadonlyMap<string, string> }) =>
  Array.from(map.values()).flatMap((value) => /"_tag":"Send".*"content":"(.*?)"/.exec(value)?.[1] ?? [])

/** A session that uses the store until it is stopped. The desk answers from the beginning. */
export const start = Effect.fnUntraced(function* (
  store: { readonly layer: Layer.Layer<KeyValueStore.KeyValueStore> },
  desk: Desk
) {
  const scope = yield* Scope.make()
  const config = KefuConfig.layer({
    baseUrl: "http://gateway.test",
    reconnect: Gateway.reconnect,
    outbox: { storage: store.layer }
  })
  const backend = Layer.fresh(TestGateway.layer).pipe(Layer.provideMerge(config))
  const network = yield* Layer.build(backend).pipe(Scope.provide(scope), Effect.orDie)
  const gateway = Context.get(network, TestGateway)
  yield* gateway.respond(desk.respond)
  const context = yield* Layer.build(Layer.fresh(Kefu.layerServices)).pipe(
    Effect.provideContext(network),
    Scope.provide(scope)
  )
  return {
    gateway,
    inbox: Context.get(context, Inbox),
    outbox: Context.get(context, Outbox),
    realtime: Context.get(context, Realtime),
    stop: Scope.close(scope, Exit.void)
  }
})
