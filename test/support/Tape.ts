/**
 * Notes everything that crosses the wire, on the sandbox's side of it, and says which parts of the contract have.
 */
import * as Effect from "effect/Effect"
import * as HttpApi from "effect/http-api/HttpApi"
import type { UserId } from "../../src/domain/Id.ts"
import { messageTypeCode } from "../../src/domain/Message.ts"
import { type Dial, Fate, type FaultHooks, noFaults } from "../../src/sandbox/faults/FaultHooks.ts"
import type { SandboxShape } from "../../src/sandbox/Sandbox.ts"
import { Api } from "../../src/wire/Api.ts"
import { ClientFrame, eventTypeCode, ServerFrame } from "../../src/wire/Frame.ts"

/** An endpoint of the contract: `conversations.get`, at `/api/v1/im/conversations/:id`. */
export interface Endpoint {
  readonly name: string
  readonly method: string
  readonly path: string
}

export const endpoints: ReadonlyArray<Endpoint> = (() => {
  const found: Array<Endpoint> = []
  HttpApi.reflect(Api, {
    onGroup: () => {},
    onEndpoint: ({ endpoint: { identifier, method, path }, group }) => {
      found.push({ name: `${group.identifier}.${identifier}`, method, path })
    }
  })
  return found
})()

const parameters = ({ path }: Endpoint): number => path.split("/:").length - 1

/** The endpoint that a request is for: of several, the one that says it most literally. */
const endpointOf = (method: string, path: string): string | undefined => {
  const segments = path.split("/")
  const fits = (endpoint: Endpoint) => {
    const wanted = endpoint.path.split("/")
    return (
      endpoint.method === method &&
      wanted.length === segments.length &&
      wanted.every((segment, index) => segment.startsWith(":") || segment === segments[index])
    )
  }
  return endpoints.filter(fits).toSorted((left, right) => parameters(left) - parameters(right))[0]?.name
}

interface Request {
  readonly endpoint: string | undefined
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly status: number
  readonly contentType: string | undefined
}

export interface Frame {
  /** Which one, from 1; 0 for what was injected. */
  readonly connection: number
  readonly text: string
}

interface Parsed {
  readonly event_type?: number
  readonly payload?: unknown
}

const parse = ({ text }: Frame): Parsed => {
  const frame: Parsed = JSON.parse(text)
  return frame
}

const messageTypes = ({ event_type, payload }: Parsed): ReadonlyArray<unknown> => {
  if (event_type !== eventTypeCode.Message && event_type !== eventTypeCode.MessageBatch) return []
  return [payload]
    .flat()
    .map((message) =>
      typeof message === "object" && message !== null && "message_type" in message ? message.message_type : undefined
    )
}

/** Every key of an object, at any depth. */
const keysOf = (value: unknown): ReadonlyArray<string> =>
  typeof value === "object" && value !== null
    ? [...(Array.isArray(value) ? [] : Object.keys(value)), ...Object.values(value).flatMap(keysOf)]
    : []

export const make = () => {
  const requests: Array<Request> = []
  const dials: Array<Dial> = []
  const inbound: Array<Frame> = []
  const outbound: Array<Frame> = []
  let connections = 0

  const hooks: FaultHooks = {
    ...noFaults,
    dial: (dial) => Effect.asVoid(Effect.sync(() => dials.push(dial))),
    link: () => {
      const connection = ++connections
      const note = (frames: Array<Frame>) => (text: string) =>
        Effect.sync(() => {
          frames.push({ connection, text })
          return [Fate.deliver(text)]
        })
      return Effect.succeed({ inbound: note(inbound), outbound: note(outbound) })
    },
    request: ({ headers, method, path }, handle) =>
      Effect.tap(handle, (response) =>
        Effect.sync(() =>
          requests.push({
            endpoint: endpointOf(method, path),
            method,
            path,
            headers: { ...headers },
            status: response.status,
            contentType: response.headers["content-type"]
          })
        )
      )
  }

  const seen = (frames: ReadonlyArray<Frame>) => ({
    eventTypes: new Set<unknown>(frames.map((frame) => parse(frame).event_type)),
    messageTypes: new Set<unknown>(frames.flatMap((frame) => messageTypes(parse(frame))))
  })

  return {
    hooks,
    requests,
    dials,
    inbound,
    outbound,

    /** Sends a text to a user over their socket, as the sandbox itself would not. */
    inject: Effect.fnUntraced(function* (sandbox: SandboxShape, userId: UserId, text: string) {
      for (const connection of yield* sandbox.connections) {
        if (connection.userId !== userId) continue
        outbound.push({ connection: 0, text })
        yield* connection.inject(text)
      }
    }),

    /** What of the contract was never seen. */
    missing: () => {
      const answered = new Set(requests.filter(({ status }) => status < 300).map(({ endpoint }) => endpoint))
      const sent = seen(inbound)
      const given = seen(outbound)
      return {
        endpoints: endpoints.filter(({ name }) => !answered.has(name)),
        clientFrames: ClientFrame.discriminants.filter((name) => !sent.eventTypes.has(eventTypeCode[name])),
        serverFrames: ServerFrame.discriminants.filter(
          (name) => name !== "Unknown" && !given.eventTypes.has(eventTypeCode[name])
        ),
        messageTypes: Object.entries(messageTypeCode).filter(([, code]) => !given.messageTypes.has(code)),
        sendable: [1, 2, 3, 4, 10, 11].filter((code) => !sent.messageTypes.has(code))
      }
    },

    /**
     * The client's frames that are not of the shape that the protocol tells. Their numbers start at 1 for each client, and
     * go on where its connection before ended.
     */
    odd: () => {
      const latest = new Map<number, number>()
      return inbound.filter(({ connection, text }) => {
        const number = Number(/^\{"sequence_id":(\d+),"event_type":\d{3},"payload":.*\}$/s.exec(text)?.[1])
        const before = latest.get(connection)
        const isNext =
          before === undefined
            ? number === 1 || Array.from(latest.values()).includes(number - 1)
            : number === before + 1
        latest.set(connection, number)
        return !isNext
      })
    },

    /** The keys in frames of both directions that are not in the wire's spelling. */
    misspelt: () =>
      [...inbound, ...outbound].flatMap((frame) => keysOf(parse(frame))).filter((key) => /[A-Z]/.test(key))
  }
}
