/** What the processes of the trial over TCP say to each other, over Node's IPC. */
import type { Options } from "../../../src/Kefu.ts"

/** A person, as its process is told at the start. */
export interface Part {
  readonly name: string
  /** Whether it uses the façade or the Effect API. */
  readonly api: "façade" | "effect"
  readonly token: string
  readonly baseUrl: string
  /** Options of the session that the façade takes as well. */
  readonly options: Pick<
    Options,
    "ackTimeout" | "connectTimeout" | "heartbeat" | "outbox" | "reconnect" | "requestTimeout"
  >
  /** The folder of the durable outbox. */
  readonly folder?: string
}

/** To a person's process. */
export type Order =
  | { readonly _tag: "Say"; readonly n: number; readonly text: string; readonly to?: number }
  /** Lets go of everything; the process must then end by itself. */
  | { readonly _tag: "Leave" }

/** How a send ended: `Sent`, `DeliveryUnknown`, or the reason of its failure. */
export interface Told {
  readonly text: string
  readonly outcome: string
  readonly id?: number
}

/** From a person's process. */
export type News =
  | { readonly _tag: "Up" }
  /** The outbox has accepted a send, and its key. */
  | { readonly _tag: "Taken"; readonly n: number; readonly key: string }
  | { readonly _tag: "Told"; readonly n?: number; readonly key?: string; readonly told: Told }
  | {
      readonly _tag: "Heard"
      readonly id: number
      readonly conversationId: number
      readonly fromId: number | null
      readonly kind: string
      readonly recovered: boolean
    }
  /** Messages of a conversation, or of any, may be missing here. */
  | { readonly _tag: "Gap"; readonly conversationId: number | null; readonly why: string }
  | { readonly _tag: "Given"; readonly ids: ReadonlyArray<number> }
  | { readonly _tag: "State"; readonly state: string }

/** To the sandbox's process. */
export type Question = { readonly _tag: "Report" } | { readonly _tag: "Stop" }

export interface Said {
  readonly id: number
  readonly conversationId: number
  readonly fromId: number | null
  readonly text: string
}

export interface Talk {
  readonly id: number
  readonly customerId: number
  readonly staffId: number | null
}

/** From the sandbox's process. */
export type Answer =
  | {
      readonly _tag: "Ready"
      readonly port: number
      readonly staff: ReadonlyArray<{ readonly id: number; readonly token: string }>
      readonly visitors: ReadonlyArray<{ readonly id: number; readonly token: string }>
    }
  | { readonly _tag: "Report"; readonly said: ReadonlyArray<Said>; readonly talks: ReadonlyArray<Talk> }
