/**
 * Whose deliveries the delivery log holds. A token that is replaced may be another account's, and what one account was
 * given says nothing about the other.
 */
import * as Effect from "effect/Effect"
import type { UserId } from "../../domain/Id.ts"
import type { Transport } from "../../http/Transport.ts"
import type { KefuError, RequestReason } from "../../KefuError.ts"
import type { CurrentUser } from "../../rest/CurrentUser.ts"

export const make = Effect.fnUntraced(function* (transport: Transport["Service"], user: CurrentUser["Service"]) {
  let generation = yield* transport.tokenGeneration
  let id: UserId | undefined

  const read = Effect.gen(function* () {
    const before = yield* transport.tokenGeneration
    const found = yield* user.get
    return { id: found.id, generation: before }
  })

  return {
    /** Notes whose the deliveries are, if the token is still the same. */
    learn: Effect.map(read, (found) => {
      if (found.generation === generation) id = found.id
    }),
    /**
     * Whether the deliveries are still those of this session's account; `unsure` if the token was replaced before it was
     * known whose it was. The next call is about the account as it is now.
     */
    check: Effect.gen(function* (): Effect.fn.Return<"same" | "another" | "unsure", KefuError<RequestReason>> {
      if ((yield* transport.tokenGeneration) === generation) return "same"
      const before = id
      ;({ generation, id } = yield* read)
      if (before === undefined) return "unsure"
      return before === id ? "same" : "another"
    })
  }
})
