/**
 * A backend in memory behind the globals `WebSocket` and `fetch`: it acknowledges every frame and answers the requests of
 * a session.
 */

type Listener = (event: { readonly type: string; readonly data?: unknown; readonly code?: number }) => void

interface Frame {
  readonly sequence_id: number
  readonly event_type: number
}

/** The current user. */
export const visitor = { id: 42, user_type: "CUSTOMER", nickname: "小明" }

/** A message as the backend sends it; the frame of it has about 240 bytes. */
export const message = (id: number) => ({
  id,
  from_id: 43,
  conversation_id: 7,
  message_type: 1,
  created_at: 1732276800000,
  has_recommend: false,
  content: "你好，请问有什么可以帮您？您的订单已经发出，预计三天内送到。如有问题，请随时联系我们。",
  trace_id: "a3f1"
})

/** A page of conversations as the backend sends it. */
export const page = (conversations: number, messages: number) => ({
  conversations: Array.from({ length: conversations }, (_, at) => ({
    id: at + 1,
    state: "ACTIVE",
    customer: visitor,
    last_staff: { id: 43, user_type: "STAFF", nickname: "李雷" },
    users: [visitor, { id: 43, user_type: "STAFF", nickname: "李雷" }],
    conversations_user: [{ user_id: 42, latest_read_message_id: at * messages + 3 }],
    messages: Array.from({ length: messages }, (_, index) => ({
      ...message(at * messages + index + 1),
      conversation_id: at + 1
    }))
  }))
})

/** The open WebSockets of the backend. */
export const sockets: Array<InMemoryWebSocket> = []

/** The requests so far: method and URL. */
export const requests: Array<{ readonly method: string; readonly url: string; readonly isPreflighted: boolean }> = []

let messageId = 1_000_000

export class InMemoryWebSocket {
  readyState = 0
  readonly #listeners = new Map<string, Array<Listener>>()

  constructor(url: string) {
    requests.push({ method: "DIAL", url, isPreflighted: false })
    queueMicrotask(() => {
      this.readyState = 1
      sockets.push(this)
      this.#emit("open", {})
    })
  }

  addEventListener(type: string, listener: Listener) {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener])
  }

  removeEventListener(type: string, listener: Listener) {
    this.#listeners.set(
      type,
      (this.#listeners.get(type) ?? []).filter((other) => other !== listener)
    )
  }

  send(text: string) {
    const { event_type, sequence_id } = JSON.parse(text) as Frame
    const id = event_type === 101 ? `,"message_id":${++messageId}` : ""
    queueMicrotask(() => this.receive(`{"event_type":103,"payload":{"sequence_id":${sequence_id}${id}}}`))
  }

  close(code = 1000) {
    if (this.readyState >= 2) return
    this.readyState = 3
    sockets.splice(sockets.indexOf(this), 1)
    queueMicrotask(() => this.#emit("close", { code }))
  }

  /** The backend sends a frame. */
  receive(data: string) {
    this.#emit("message", { data })
  }

  #emit(type: string, event: object) {
    for (const listener of this.#listeners.get(type) ?? []) listener({ type, ...event })
  }
}

const bodies = new Map<string, string>([
  ["/im/users/me", JSON.stringify(visitor)],
  ["/im/current_list", "[]"],
  ["/im/tokens", JSON.stringify({ token: "anonymous" })],
  ["/im/conversations", JSON.stringify({ conversations: [] })]
])

/** What `GET /im/conversations` answers from now on. */
export const setConversations = (json: string) => bodies.set("/im/conversations", json)

const simple = new Set(["accept", "accept-language", "content-language"])

const fetchInMemory = (input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> => {
  const request = input instanceof Request ? input : undefined
  const url = request?.url ?? String(input)
  const headers = new Headers(init.headers ?? request?.headers)
  const isPreflighted = Array.from(headers).some(
    ([name, value]) => !simple.has(name) && !(name === "content-type" && value.startsWith("text/plain"))
  )
  requests.push({ method: init.method ?? request?.method ?? "GET", url, isPreflighted })
  const body = bodies.get(new URL(url).pathname.replace("/api/v1", ""))
  return Promise.resolve(new Response(body ?? "{}", { status: body === undefined ? 404 : 200 }))
}

/** Puts the backend behind the globals. */
export const install = () => Object.assign(globalThis, { WebSocket: InMemoryWebSocket, fetch: fetchInMemory })
