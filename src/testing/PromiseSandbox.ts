/**
 * The sandbox for tests without Effect: on a port of this machine, controlled by promises.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { ServeError } from "effect/http/HttpServerError"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Schema from "effect/Schema"
import type { Conversation } from "../domain/Conversation.ts"
import { ConversationId } from "../domain/Id.ts"
import type { Message } from "../domain/Message.ts"
import type { Refusal } from "../sandbox/Counters.ts"
import type { Login, NewAccount, SeededLogin } from "../sandbox/desk/Accounts.ts"
import * as SandboxNode from "../sandbox/doors/SandboxNode.ts"
import { Posted } from "../sandbox/faults/FaultApi.ts"
import type { FaultPlan } from "../sandbox/faults/FaultPlan.ts"
import { SandboxFaults } from "../sandbox/faults/SandboxFaults.ts"
import { Sandbox } from "../sandbox/Sandbox.ts"

/**
 * A running sandbox.
 *
 * @category models
 * @since 0.1.0
 */
export interface PromiseSandbox extends AsyncDisposable {
  /** The `baseUrl` for clients, for example `http://127.0.0.1:41234`. */
  readonly baseUrl: string
  /** The seed's people and their tokens. */
  readonly logins: ReadonlyArray<SeededLogin>
  /** A new visitor with a token. */
  readonly createVisitor: (options?: NewAccount) => Promise<Login>
  /** A new member of staff with a token; goes on duty by connecting. */
  readonly createStaff: (options?: NewAccount) => Promise<Login>
  /** A new administrator with a token. */
  readonly createAdmin: (options?: NewAccount) => Promise<Login>
  /** Makes a token invalid. Connections that it opened stay open. */
  readonly revokeToken: (token: string) => Promise<void>
  /** All conversations with all of their messages, except recalled ones. */
  readonly conversations: () => Promise<ReadonlyArray<Conversation>>
  /** The messages of a conversation, except recalled ones. Rejects if there is no such conversation. */
  readonly messages: (conversationId: number) => Promise<ReadonlyArray<Message>>
  /** The latest refused commands with their reasons. */
  readonly refusals: () => Promise<ReadonlyArray<Refusal>>
  /** Injects faults; their times are milliseconds from now. Rejects if one is not a fault. */
  readonly inject: (...faults: FaultPlan) => Promise<void>
  /** Ends all faults, also those that have not begun. */
  readonly clearFaults: () => Promise<void>
  /** Ends all connections and releases the port. Further calls do nothing. */
  readonly close: () => Promise<void>
}

/**
 * Starts a sandbox on a free port of this machine. Needs `@effect/platform-node`. Rejects if it cannot listen.
 *
 * **Example** (A visitor during an outage)
 *
 * ```ts
 * import { Client } from "effect-kefu/Client"
 * import { startSandbox } from "effect-kefu/testing/PromiseSandbox"
 *
 * await using sandbox = await startSandbox()
 * const { token } = await sandbox.createVisitor()
 * await using client = new Client({}, { baseUrl: sandbox.baseUrl, token })
 * await sandbox.inject({ _tag: "RefuseDials", status: 503, until: 1000 })
 * await client.sendMessage(client.buildMessage("Text", "你好", 0))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const startSandbox = async (options: SandboxNode.SandboxNodeOptions = {}): Promise<PromiseSandbox> => {
  const runtime = ManagedRuntime.make(SandboxNode.layer(options).pipe(Layer.provideMerge(SandboxFaults.layer)))
  const close = () => runtime.dispose()
  const services = Effect.all({ baseUrl: SandboxNode.baseUrl, faults: SandboxFaults, sandbox: Sandbox })
  const { baseUrl, faults, sandbox } = await runtime.runPromise(services).catch(async (error: unknown) => {
    await close()
    throw error instanceof ServeError
      ? new Error(SandboxNode.cannotListen(options, error), { cause: error.cause })
      : error
  })
  return {
    baseUrl,
    logins: sandbox.logins,
    createVisitor: (account) => runtime.runPromise(sandbox.createVisitor(account)),
    createStaff: (account) => runtime.runPromise(sandbox.createStaff(account)),
    createAdmin: (account) => runtime.runPromise(sandbox.createAdmin(account)),
    revokeToken: (token) => runtime.runPromise(sandbox.revokeToken(token)),
    conversations: () => runtime.runPromise(sandbox.conversations),
    messages: (id) => runtime.runPromise(sandbox.messages(ConversationId.make(id))),
    refusals: () => runtime.runPromise(sandbox.refusals),
    inject: (...plan) =>
      runtime.runPromise(
        Effect.flatMap(Schema.decodeUnknownEffect(Posted)(plan, { reportInput: true }), (checked) =>
          faults.inject(...checked)
        )
      ),
    clearFaults: () => runtime.runPromise(faults.clear),
    close,
    [Symbol.asyncDispose]: close
  }
}
