/**
 * Who is connected: one connection for each account, the latest login wins.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { UserId } from "../../domain/Id.ts"
import type { ServerFrame } from "../../wire/Frame.ts"

/**
 * Sends to one connected client without waiting for it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Mailbox {
  readonly userId: UserId
  readonly push: (frame: ServerFrame) => void
  /** Closes the connection after the frames pushed before. */
  readonly close: (code: number, reason: string) => void
}

/**
 * The connected clients.
 *
 * @category services
 * @since 0.1.0
 */
export class Presence extends Context.Service<
  Presence,
  {
    readonly get: (userId: UserId) => Mailbox | undefined
    readonly isOnline: (userId: UserId) => boolean
    /** Registers a connection and returns the previous one of the same account. */
    readonly attach: (mailbox: Mailbox) => Mailbox | undefined
    /** Removes a connection; false if a later login has replaced it. */
    readonly detach: (mailbox: Mailbox) => boolean
  }
>()("effect-kefu/sandbox/desk/Presence") {
  /**
   * @since 0.1.0
   */
  static readonly layer = Layer.effect(
    Presence,
    Effect.sync(() => {
      const mailboxes = new Map<UserId, Mailbox>()
      return Presence.of({
        get: (userId) => mailboxes.get(userId),
        isOnline: (userId) => mailboxes.has(userId),
        attach: (mailbox) => {
          const previous = mailboxes.get(mailbox.userId)
          mailboxes.set(mailbox.userId, mailbox)
          return previous
        },
        detach: (mailbox) => mailboxes.get(mailbox.userId) === mailbox && mailboxes.delete(mailbox.userId)
      })
    })
  )
}
