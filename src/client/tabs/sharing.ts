/**
 * One connection for all tabs of a login. A lock elects the tab that holds it; the sockets of the others are virtual, and
 * their frames go over a channel to the holder and back. When the holder goes, all of these sockets end, as a lost
 * connection does, and their clients dial again: the first to get the lock is the next holder.
 *
 * A holder that is frozen keeps its lock. It answers no dial, and loses the lock to the tab that dialled.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { WebSocketLike } from "effect/socket/Socket"
import { fingerprint } from "../../platform/fingerprint.ts"
import type { Tabs } from "../../platform/tabs.ts"
import { unique } from "../../platform/unique.ts"
import { Multiplexer } from "./multiplexer.ts"
import { VirtualSocket } from "./virtualSocket.ts"

/** What tabs tell each other. `of` is the socket that a note is from, `to` the one it is for, `by` that of the holder. */
type Note =
  | { readonly _tag: "Dial"; readonly of: string }
  | { readonly _tag: "Wait"; readonly to: string }
  | { readonly _tag: "Open"; readonly to: string; readonly by: string }
  | { readonly _tag: "Up"; readonly of: string; readonly frame: string }
  | { readonly _tag: "Down"; readonly by: string; readonly frame: string }
  | {
      readonly _tag: "Ack"
      readonly by: string
      readonly to: string
      readonly frame: string
      readonly told: string | undefined
    }
  | { readonly _tag: "Leave"; readonly of: string }
  | { readonly _tag: "Holds"; readonly by: string }
  | { readonly _tag: "End"; readonly by: string; readonly code: number; readonly reason: string }

/** How long a holder may take to answer a dial before it counts as frozen. */
const patience = Duration.seconds(3)

/** How long a holder waits to learn that it is none any more, before it passes on that the account logged in elsewhere. */
const doubt = Duration.millis(500)

/** How long a connection that is closed may take to close, before another tab dials. */
const farewell = Duration.seconds(1)

const moved = "another tab holds the connection now"

export interface Needs {
  readonly tabs: Tabs
  /** Dials the backend. */
  readonly connect: (url: string) => WebSocketLike
  /** Names the login; undefined if the token does. */
  readonly login: string | undefined
}

/** The login whose tabs share the connection to a URL. */
const groupOf = (address: string, login: string | undefined): string => {
  const url = new URL(address)
  const name = login === undefined ? fingerprint(url.searchParams.get("token") ?? "") : `of ${login}`
  return `effect-kefu/tabs/${url.host}${url.pathname}/${name}`
}

/** Makes the constructor of WebSockets that are shared. */
export const make = Effect.fnUntraced(function* ({ connect, login, tabs }: Needs) {
  const run = Effect.runForkWith(yield* Effect.context<never>())
  const tab = yield* unique
  let dials = 0
  let sequenceId = 0

  const after = (delay: Duration.Duration, then: () => void): (() => void) => {
    const fiber = run(Effect.delay(Effect.sync(then), delay))
    return () => void run(Fiber.interrupt(fiber))
  }

  return (url: string): WebSocketLike => {
    const group = groupOf(url, login)
    const id = `${tab}.${++dials}`
    /** The holder's socket: this one's, another's, or not known yet. */
    let holder: string | undefined
    let held: Held | undefined
    let releases: ReadonlyArray<() => void> = []
    let calm = () => {}

    const post = (note: Note) => channel.post(note)

    const socket = new VirtualSocket(
      (frame) => (held === undefined ? post({ _tag: "Up", of: id, frame }) : held.up(id, frame)),
      (code) => leave(code)
    )

    const release = () => {
      calm()
      const all = releases
      releases = []
      for (const end of all) end()
    }

    /** Leaves the connection, which moves to another tab if this one holds it. */
    const leave = (code: number | undefined) => {
      if (held === undefined) {
        post({ _tag: "Leave", of: id })
        return release()
      }
      held.close(code)
      held.onClosed(release)
      after(farewell, release)
    }

    const end = (code: number, reason: string) => {
      release()
      socket.end(code, reason)
    }

    /** Stops at once: the tab freezes, or another tab has taken the lock. */
    const stop = (reason: string) => {
      if (held === undefined) post({ _tag: "Leave", of: id })
      else held.close(1000)
      end(1001, reason)
    }

    const hold = () => {
      if (holder !== undefined || socket.readyState !== 0) return stop(moved)
      calm()
      holder = id
      post({ _tag: "Holds", by: id })
      held = makeHeld({ id, url, connect, socket, post, after, next: () => ++sequenceId, onEnd: end })
    }

    const dial = () => {
      post({ _tag: "Dial", of: id })
      calm()
      calm = after(patience, () => ask(true))
    }

    const receive = (note: Note) => {
      switch (note._tag) {
        case "Dial":
        case "Up":
        case "Leave":
          return held?.receive(note)
        case "Wait":
          return note.to === id ? calm() : undefined
        case "Open":
          if (note.to !== id || socket.readyState !== 0) return
          calm()
          holder = note.by
          return socket.open()
        case "Holds":
          return holder === undefined ? dial() : stop(moved)
        default:
      }
      if (note.by !== holder || held !== undefined) return
      if (note._tag === "End") return end(note.code, note.reason)
      if (note._tag === "Down" || note.to === id) return socket.receive(note.frame)
      if (note.told !== undefined) socket.receive(note.told)
    }

    const channel = tabs.channel(group, (note) => receive(note as Note))

    const ask = (steal: boolean) => {
      const lost = () => (held === undefined && holder === undefined ? hold() : stop(moved))
      releases = [tabs.lock(group, { steal, granted: hold, lost }), ...releases]
    }

    releases = [tabs.onFreeze(() => stop("the tab was frozen")), () => channel.close()]
    ask(false)
    dial()
    return socket
  }
})

interface Held {
  readonly up: (of: string, frame: string) => void
  readonly receive: (note: Extract<Note, { readonly of: string }>) => void
  /** Closes the connection, and tells the other tabs that it is free. */
  readonly close: (code: number | undefined) => void
  readonly onClosed: (listener: () => void) => void
}

/** The connection, in the tab that holds it. */
const makeHeld = ({
  after,
  connect,
  id,
  next,
  onEnd,
  post,
  socket,
  url
}: {
  readonly id: string
  readonly url: string
  readonly connect: (url: string) => WebSocketLike
  /** The holder's own socket. */
  readonly socket: VirtualSocket
  readonly post: (note: Note) => void
  readonly after: (delay: Duration.Duration, then: () => void) => () => void
  readonly next: () => number
  readonly onEnd: (code: number, reason: string) => void
}): Held => {
  const multiplexer = new Multiplexer(next)
  const guests = new Set<string>()
  let isOpen = false
  let isOver = false
  /** Waits to be passed on. */
  let superseding: { ended: (() => void) | undefined } | undefined

  const tell = (code: number, reason: string) => {
    if (isOver) return false
    isOver = true
    post({ _tag: "End", by: id, code, reason })
    return true
  }

  const push = (frame: string) => {
    if (isOver) return
    // The others first: the own client may close the connection at once.
    post({ _tag: "Down", by: id, frame })
    socket.receive(frame)
  }

  /** The account may have logged in over the tab that has just taken the lock. */
  const supersede = (frame: string) => {
    const doubtful: { ended: (() => void) | undefined } = { ended: undefined }
    superseding = doubtful
    after(doubt, () => {
      superseding = undefined
      push(frame)
      doubtful.ended?.()
    })
  }

  const down = (frame: string) => {
    const meaning = multiplexer.down(frame)
    if (meaning === undefined || isOver) return
    if (meaning._tag !== "Ack") return meaning._tag === "Push" ? push(frame) : supersede(frame)
    const { told } = meaning
    post({ _tag: "Ack", by: id, to: meaning.of, frame: meaning.frame, told })
    if (meaning.of === id) socket.receive(meaning.frame)
    else if (told !== undefined) socket.receive(told)
  }

  const ended = (code: number, reason: string) => {
    if (superseding !== undefined) superseding.ended = () => ended(code, reason)
    else if (tell(code, reason)) onEnd(code, reason)
  }

  let real: WebSocketLike
  try {
    real = connect(url)
  } catch {
    ended(1006, "")
    return { up: () => {}, receive: () => {}, close: () => {}, onClosed: (listener) => listener() }
  }
  const admit = (of: string) => {
    guests.add(of)
    post(isOpen ? { _tag: "Open", to: of, by: id } : { _tag: "Wait", to: of })
  }
  real.addEventListener("open", () => {
    if (isOver) return
    isOpen = true
    socket.open()
    for (const guest of guests) admit(guest)
  })
  real.addEventListener("message", ({ data }) => {
    if (typeof data === "string") down(data)
  })
  // A close event follows.
  real.addEventListener("error", () => {})
  real.addEventListener("close", ({ code = 1006, reason = "" }) => ended(code, reason))

  const up = (of: string, frame: string) => real.send(multiplexer.up(of, frame))

  return {
    up,
    receive: (note) => {
      if (isOver) return
      if (note._tag === "Dial") admit(note.of)
      else if (note._tag === "Leave") guests.delete(note.of)
      else if (guests.has(note.of) && isOpen) up(note.of, note.frame)
    },
    close: (code) => {
      tell(1001, moved)
      real.close(code)
    },
    onClosed: (listener) => real.addEventListener("close", listener, { once: true })
  }
}
