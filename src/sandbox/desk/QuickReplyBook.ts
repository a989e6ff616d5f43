/**
 * The quick replies of staff: common ones and personal ones.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { QuickReplyId, type UserId } from "../../domain/Id.ts"
import type { QuickReply, QuickReplyInput } from "../../domain/QuickReply.ts"
import { BadRequest, Forbidden, NotFound } from "../../wire/ApiError.ts"
import * as Access from "./Access.ts"
import type { Account } from "./Accounts.ts"
import { Settings } from "../SandboxOptions.ts"

/**
 * The quick replies. Those of the seed are common: all staff use them, only administrators change them.
 *
 * @category services
 * @since 0.1.0
 */
export class QuickReplyBook extends Context.Service<
  QuickReplyBook,
  {
    readonly list: (me: Account) => Effect.Effect<ReadonlyArray<QuickReply>, Forbidden>
    readonly add: (me: Account, input: QuickReplyInput) => Effect.Effect<QuickReply, BadRequest | Forbidden>
    readonly update: (
      me: Account,
      id: QuickReplyId,
      input: QuickReplyInput
    ) => Effect.Effect<QuickReply, BadRequest | Forbidden | NotFound>
    readonly remove: (me: Account, id: QuickReplyId) => Effect.Effect<void, Forbidden | NotFound>
  }
>()("effect-kefu/sandbox/desk/QuickReplyBook") {
  /**
   * @since 0.1.0
   */
  static readonly layer = Layer.effect(
    QuickReplyBook,
    Effect.map(Settings, ({ seed }) => {
      const replies = new Map<QuickReplyId, { readonly owner: UserId | undefined; reply: QuickReply }>()
      let ids = 0
      const put = (owner: UserId | undefined, input: QuickReplyInput): QuickReply => {
        const reply = { ...input, id: QuickReplyId.make(++ids) }
        replies.set(reply.id, { owner, reply })
        return reply
      }
      for (const reply of seed.quickReplies) put(undefined, reply)

      const employeeOnly = (me: Account) => Access.employeeOnly(me, "Only staff have quick replies")

      const filled = (content: string | undefined) =>
        content !== undefined && content.trim() === ""
          ? new BadRequest({ message: "A quick reply cannot be empty", field: "content" })
          : Effect.void

      const find = Effect.fn("QuickReplyBook.find")(function* (me: Account, id: QuickReplyId) {
        yield* employeeOnly(me)
        const found = replies.get(id)
        if (found === undefined || (found.owner !== undefined && found.owner !== me.id)) {
          return yield* new NotFound({ message: `You have no quick reply ${id}` })
        }
        if (found.owner === undefined && me.userType !== "ADMIN") {
          return yield* new Forbidden({ message: "Only administrators may change common quick replies" })
        }
        return found
      })

      return QuickReplyBook.of({
        list: (me) =>
          Effect.map(employeeOnly(me), () =>
            Array.from(replies.values())
              .filter(({ owner }) => owner === undefined || owner === me.id)
              .map(({ reply }) => reply)
          ),
        add: Effect.fn("QuickReplyBook.add")(function* (me, input) {
          yield* employeeOnly(me)
          yield* filled(input.content ?? "")
          return put(me.id, input)
        }),
        update: Effect.fn("QuickReplyBook.update")(function* (me, id, input) {
          const found = yield* find(me, id)
          yield* filled(input.content)
          found.reply = { ...found.reply, ...input, id }
          return found.reply
        }),
        remove: (me, id) => Effect.map(find(me, id), () => void replies.delete(id))
      })
    })
  )
}
