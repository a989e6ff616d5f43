/**
 * The frames of several sockets over one connection: numbered anew on their way up, sorted out on their way down.
 */
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as elsewhere from "../../realtime/elsewhere.ts"
import { eventTypeCode } from "../../wire/Frame.ts"

/**
 * A frame of the backend:
 *
 * - `Ack`: for the socket `of`, under the number that this one gave; `told` is the frame for all others, if the command
 *   concerns them.
 * - `Superseded`: the account logged in elsewhere.
 * - `Push`: for all.
 */
export type Meaning =
  | { readonly _tag: "Ack"; readonly of: string; readonly frame: string; readonly told: string | undefined }
  | { readonly _tag: "Superseded" | "Push"; readonly frame: string }

/** How many commands are remembered: the backend may refuse one, which it never acknowledges. */
const maxPending = 1024

const numbered = /^\{"sequence_id":(\d+)(,"event_type":(\d+))?/

const concernsOthers = (eventType: number): boolean =>
  eventType !== eventTypeCode.Ping && eventType !== eventTypeCode.Inputting

export class Multiplexer {
  readonly #pending = new Map<number, { readonly of: string; readonly sequenceId: number; readonly told: string }>()
  readonly #next: () => number

  /** `next`: the number of the next frame. */
  constructor(next: () => number) {
    this.#next = next
  }

  /** A frame of the socket `of` as it goes to the backend. */
  up(of: string, frame: string): string {
    const [beginning, sequenceId, , eventType] = numbered.exec(frame) ?? []
    if (beginning === undefined) return frame
    const number = this.#next()
    const told = concernsOthers(Number(eventType)) ? frame : ""
    this.#pending.set(number, { of, sequenceId: Number(sequenceId), told })
    const [oldest] = this.#pending.keys()
    if (this.#pending.size > maxPending && oldest !== undefined) this.#pending.delete(oldest)
    return frame.replace(/\d+/, String(number))
  }

  /** What a frame of the backend means; undefined if nobody waits for it. */
  down(frame: string): Meaning | undefined {
    const parsed = Result.getOrUndefined(Result.try((): unknown => JSON.parse(frame)))
    const { event_type: type, payload, ...rest } = Predicate.isObject(parsed) ? parsed : {}
    if (type === eventTypeCode.MultipleLogin) return { _tag: "Superseded", frame }
    if (type !== eventTypeCode.Ack || !Predicate.isObject(payload)) return { _tag: "Push", frame }
    const { message_id, sequence_id } = payload
    const waiting = this.#pending.get(Number(sequence_id))
    if (waiting === undefined) return undefined
    this.#pending.delete(Number(sequence_id))
    const { of, sequenceId, told } = waiting
    return {
      _tag: "Ack",
      of,
      frame: JSON.stringify({ ...rest, event_type: type, payload: { ...payload, sequence_id: sequenceId } }),
      told: told === "" ? undefined : elsewhere.encode(told, message_id)
    }
  }
}
