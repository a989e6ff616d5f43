/** A minimal client of the sandbox that reads and writes raw frames, independent of the SDK's client. */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Effect from "effect/Effect"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type { HttpMethod } from "effect/http/HttpMethod"
import type * as Socket from "effect/socket/Socket"
import { origin, Sandbox } from "../../src/sandbox/Sandbox.ts"

// oxlint-disable-next-line typescript/no-explicit-any -- see below
type Json = any

export const li = "staff-li-token"
export const wang = "staff-wang-token"
export const emma = "staff-emma-token"
export const zhao = "admin-zhao-token"
export const chen = "visitor-chen-token"
export const alice = "visitor-alice-token"

export interface Frame {
  readonly event_type: number
  readonly payload?: Json
}

export interface Client {
  /** Sends a frame and returns its sequence id. */
  readonly send: (eventType: number, payload: unknown) => Effect.Effect<number, Socket.SocketError>
  /** Sends a frame and reads up to its ack. Returns the frames before it and the ack's payload. */
  readonly call: (eventType: number, payload: unknown) => Effect.Effect<Json, Socket.SocketError>
  /** The next frame. */
  readonly next: Effect.Effect<Frame, Socket.SocketError>
  readonly take: (count: number) => Effect.Effect<ReadonlyArray<Frame>, Socket.SocketError>
  /** Reads up to the next message of this type and returns it. */
  readonly message: (messageType: number) => Effect.Effect<Json, Socket.SocketError>
  /** All frames received so far. */
  readonly sync: Effect.Effect<ReadonlyArray<Frame>, Socket.SocketError>
  readonly raw: (text: string) => Effect.Effect<void, Socket.SocketError>
  readonly close: Effect.Effect<void>
}

const parse = (text: string): Frame => JSON.parse(text)

export const makeClient = (
  pull: Effect.Effect<NonEmptyReadonlyArray<string>, Socket.SocketError>,
  write: (text: string) => Effect.Effect<void, Socket.SocketError>,
  close: Effect.Effect<void>
): Client => {
  const pending: Array<Frame> = []
  let sequenceId = 0
  const next = Effect.gen(function* () {
    let frame = pending.shift()
    while (frame === undefined) {
      pending.push(...(yield* pull).map(parse))
      frame = pending.shift()
    }
    return frame
  })
  const send = (eventType: number, payload: unknown) =>
    Effect.suspend(() => {
      const id = ++sequenceId
      return Effect.as(write(JSON.stringify({ sequence_id: id, event_type: eventType, payload })), id)
    })
  const upTo = Effect.fnUntraced(function* (isLast: (frame: Frame) => boolean) {
    const before: Array<Frame> = []
    while (true) {
      const frame = yield* next
      if (isLast(frame)) return { before, frame }
      before.push(frame)
    }
  })
  const acknowledged = Effect.fnUntraced(function* (eventType: number, payload: unknown) {
    const id = yield* send(eventType, payload)
    return yield* upTo((frame) => frame.event_type === 103 && frame.payload.sequence_id === id)
  })
  return {
    send,
    next,
    take: (count) => Effect.all(Array.from({ length: count }, () => next)),
    call: (eventType, payload) =>
      Effect.map(acknowledged(eventType, payload), ({ before, frame }) => {
        pending.unshift(...before)
        return frame.payload
      }),
    message: (messageType) =>
      Effect.map(
        upTo((frame) => frame.event_type === 101 && frame.payload.message_type === messageType),
        ({ frame }) => frame.payload
      ),
    sync: Effect.map(acknowledged(201, "ping"), ({ before }) => before),
    raw: write,
    close
  }
}

export const dial = (token: string, subChannelId?: number) =>
  Effect.gen(function* () {
    const sandbox = yield* Sandbox
    const { pull, write, close } = yield* sandbox.connect({ token, subChannelId })
    return makeClient(pull, write, close())
  })

export const text = (content: string, toId?: number) => ({ message_type: 1, content, to_id: toId })

/** Summarizes frames: message types, and event types from 1,000 on. */
export const kinds = (frames: ReadonlyArray<Frame>): ReadonlyArray<number> =>
  frames.map(({ event_type, payload }) => (event_type === 101 ? payload.message_type : 1000 + event_type))

/** A visitor served by a member of staff; the frames so far have been read. */
export const served = Effect.fnUntraced(function* (visitorToken: string, staffToken: string) {
  const staff = yield* dial(staffToken)
  const visitor = yield* dial(visitorToken)
  yield* visitor.call(205, { menu_item_id: 1000 })
  const built = yield* staff.message(102)
  yield* visitor.sync
  return { staff, visitor, conversationId: built.conversation_id, visitorId: built.content.user_id }
})

/** Calls the REST API in process and returns status and JSON. */
export const rest = Effect.fnUntraced(function* (
  token: string | undefined,
  method: HttpMethod,
  path: string,
  body?: unknown
) {
  const { httpClient } = yield* Sandbox
  const bare = HttpClientRequest.make(method)(`${origin}/api/v1${path}`)
  const authorized = token === undefined ? bare : HttpClientRequest.bearerToken(bare, token)
  const response = yield* httpClient.execute(
    body === undefined ? authorized : HttpClientRequest.bodyJsonUnsafe(authorized, body)
  )
  const content = yield* response.text
  const json: Json = content === "" ? undefined : JSON.parse(content)
  return { status: response.status, headers: response.headers, json }
})
