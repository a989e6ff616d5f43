/**
 * The mechanisms of the outbox, composed.
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import { Transport } from "../../http/Transport.ts"
import { KefuConfig } from "../../KefuConfig.ts"
import { unique } from "../../platform/unique.ts"
import { Realtime } from "../../realtime/Realtime.ts"
import { ConversationApi } from "../../rest/ConversationApi.ts"
import { CurrentUser } from "../../rest/CurrentUser.ts"
import { UploadApi } from "../../rest/UploadApi.ts"
import * as calms from "./calm.ts"
import * as conversationHistory from "./history.ts"
import * as identities from "./identity.ts"
import * as deadlines from "./deadlines.ts"
import * as lane from "./lane.ts"
import { Ledger } from "./ledger.ts"
import * as persistence from "./persistence.ts"
import type { Needs } from "./reconcile.ts"
import { Registry, type Send } from "./registry.ts"
import * as siblingsOf from "./siblings.ts"
import * as outboxStore from "./store.ts"
import { StrictStore } from "../strictStore.ts"

export type Parts = Effect.Success<typeof make>

export const make = Effect.gen(function* () {
  const { baseUrl, outbox: options } = yield* KefuConfig
  const lifetime = Duration.toMillis(options.lifetime)
  const realtime = yield* Realtime
  const currentUser = yield* CurrentUser
  const { fingerprint, tokenGeneration } = yield* Transport
  const uploads = yield* UploadApi
  const history = conversationHistory.make(yield* ConversationApi, currentUser, tokenGeneration)
  const scope = yield* Effect.scope
  const lanes = yield* FiberSet.make<void>()
  const run = yield* FiberSet.runtime(lanes)<never>()
  const ledger = new Ledger()
  const identity = identities.make(currentUser)
  const calm = calms.make(realtime)
  const sends: Registry = new Registry({
    capacity: options.capacity,
    lifetime,
    ledger,
    user: identity.user,
    serve: (added) => void run(lane.serve(needs, added)),
    deadlines: deadlines.make({
      open: () => sends.open,
      expire: (send) => lane.expired(needs, send),
      run: (watching) => void run(watching)
    }),
    // Not in the layer's scope, whose end would interrupt it: the last step of `persistence` waits for it.
    onSettled: (send) =>
      options.storage === undefined && siblings === undefined
        ? Effect.void
        : Effect.suspend(() => Effect.forkDetach(afterwards(send), { startImmediately: true }))
  })
  const session = yield* unique
  const siblings = yield* siblingsOf.make(baseUrl, session)
  const afterwards = (send: Send) => {
    const { state } = send.entry
    const claim = siblings !== undefined && state._tag === "Sent" ? siblings.claim(state.id) : Effect.void
    return Effect.andThen(claim, needs.persistence.settled(send))
  }
  const store =
    options.storage &&
    outboxStore.make(Context.get(yield* Layer.build(options.storage), KeyValueStore.KeyValueStore), baseUrl, session)
  const kept =
    store === undefined
      ? persistence.none
      : persistence.make({
          store,
          strict: yield* StrictStore,
          session,
          login: fingerprint,
          currentUser,
          ledger,
          sends,
          siblings,
          calm: calm.await
        })
  const needs: Needs = {
    calm: calm.await,
    generation: tokenGeneration,
    history,
    identified: identity.identified,
    ledger,
    lifetime,
    persistence: kept,
    realtime,
    sends,
    siblings,
    uploads,
    user: identity.user
  }
  return { ...needs, capacity: options.capacity, calm, currentUser, identity, lanes, scope, session }
})
