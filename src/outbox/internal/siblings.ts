/**
 * The sessions of the other tabs that share this one's connection. All are connected, so none owns the account's sends:
 * each keeps its own, and takes over those of a tab that has ended. Locks that end with their tab tell which live, and
 * whose a message of the history is.
 */
import * as Effect from "effect/Effect"
import { SharedTabs, type Tabs } from "../../platform/tabs.ts"
import { type Content, holds } from "../payload.ts"
import type { Own } from "./match.ts"

export interface Siblings {
  /** The sessions, of those given, that have ended. */
  readonly ended: (sessions: ReadonlySet<string>) => Effect.Effect<ReadonlySet<string>>
  /** Runs an effect as soon as a session has ended. */
  readonly whenEnded: (session: string, then: Effect.Effect<void>) => Effect.Effect<void>
  /** Runs a step on the store that they share, while none of them runs another one. */
  readonly exclusive: <A, E, R>(step: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** Takes a message as this tab's send. False if it is another tab's. */
  readonly claim: (id: number) => Effect.Effect<boolean>
}

const lockOf = (session: string) => `effect-kefu/outbox/session/${session}`

const over = Effect.fnUntraced(function* (tabs: Tabs, baseUrl: string, session: string) {
  const run = Effect.runForkWith(yield* Effect.context<never>())
  const claimed = new Set<number>()
  const watched = new Set<string>()
  const releases: Array<() => void> = []

  // Nothing waits for it: the locks are granted in their order, and a step on the store needs a later one.
  yield* Effect.acquireRelease(
    Effect.sync(() => tabs.lock(lockOf(session), { granted: () => {}, lost: () => {} })),
    (release) =>
      Effect.sync(() => {
        for (const stop of [release, ...releases]) stop()
      })
  )

  const siblings: Siblings = {
    ended: (sessions) =>
      Effect.map(tabs.held, (held) => new Set(Array.from(sessions).filter((one) => !held.has(lockOf(one))))),
    whenEnded: (other, then) =>
      Effect.sync(() => {
        if (watched.has(other)) return
        watched.add(other)
        const end = () => {
          release()
          watched.delete(other)
          run(then)
        }
        const release = tabs.lock(lockOf(other), { granted: end, lost: () => {} })
        releases.push(release)
      }),
    exclusive: (step) =>
      Effect.suspend(() => {
        let release = () => {}
        const granted = Effect.callback<void>((resume) => {
          const proceed = () => resume(Effect.void)
          release = tabs.lock(`effect-kefu/outbox/${baseUrl}`, { granted: proceed, lost: proceed })
        })
        return Effect.ensuring(
          Effect.andThen(granted, step),
          Effect.sync(() => release())
        )
      }),
    claim: (id) =>
      Effect.suspend(() => {
        if (claimed.has(id)) return Effect.succeed(true)
        return Effect.tap(tabs.claim(`effect-kefu/outbox/sent/${baseUrl}/${id}`), (isOurs) =>
          Effect.sync(() => {
            if (isOurs) claimed.add(id)
          })
        )
      })
  }
  return siblings
})

/** Undefined if this session shares its connection with none. */
export const make = (baseUrl: string, session: string) =>
  Effect.flatMap(SharedTabs, (tabs) => (tabs === undefined ? Effect.undefined : over(tabs, baseUrl, session)))

/**
 * The own messages of a history that tell what has become of a send. With siblings, another message is theirs, and of
 * those like the send one at most is this one.
 */
export const relevant = Effect.fnUntraced(function* (
  siblings: Siblings | undefined,
  own: ReadonlyArray<Own<Content>>,
  content: Content
) {
  if (siblings === undefined) return own
  for (const message of own) {
    if (holds(message.content, content) && (yield* siblings.claim(message.id))) return [message]
  }
  return []
})
