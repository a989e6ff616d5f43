/** A person of the trial over TCP, as the trial sees it: its processes one after the other, and all that they told. */
import { type ChildProcess, fork } from "node:child_process"
import * as Path from "node:path"
import type { News, Order, Part, Told } from "./Talk.ts"
import type { Proxy } from "./Proxy.ts"

/** One process. */
export interface Life {
  readonly process: ChildProcess
  readonly heard: Array<Extract<News, { readonly _tag: "Heard" }>>
  readonly gaps: Array<{ readonly after: number; readonly conversationId: number | null; readonly why: string }>
  /** What the history held when it connected first. */
  given: ReadonlyArray<number> | undefined
  readonly states: Array<string>
  up: boolean
  /** When it was killed by the trial. */
  killedAt: number | undefined
  exit: number | string | undefined
  output: string
}

export interface Send {
  readonly n: number
  readonly text: string
  readonly to: number | undefined
  readonly life: Life
  /** When the outbox said that it had it. */
  takenAt: number | undefined
  told: Told | undefined
}

export interface Actor {
  readonly name: string
  readonly id: number
  readonly isStaff: boolean
  readonly part: Part
  readonly proxy: Proxy
  readonly lives: Array<Life>
  readonly sends: Array<Send>
}

export const lifeOf = ({ lives }: Actor): Life => lives.at(-1)!

const program = Path.join(import.meta.dirname, "person.ts")

const order = ({ process }: Life, what: Order) => void (process.connected && process.send(what))

/** Starts a process for a person; `now` is the time in milliseconds. */
export const begin = (actor: Actor, now: () => number) => {
  const child = fork(program, [JSON.stringify(actor.part)], { stdio: ["ignore", "pipe", "pipe", "ipc"] })
  const life: Life = {
    process: child,
    heard: [],
    gaps: [],
    given: undefined,
    states: [],
    up: false,
    killedAt: undefined,
    exit: undefined,
    output: ""
  }
  const keys = new Map<string, Send>()
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (data) => {
      life.output = `${life.output}${data}`.slice(-4000)
    })
  }
  child.on("exit", (code, signal) => {
    life.exit = signal ?? code ?? undefined
  })
  child.on("message", (news: News) => {
    switch (news._tag) {
      case "Up":
        life.up = true
        return
      case "Taken": {
        const send = actor.sends.find(({ n }) => n === news.n)!
        send.takenAt = now()
        keys.set(news.key, send)
        return
      }
      case "Told": {
        const { key, n, told } = news
        const send =
          (n === undefined ? undefined : actor.sends.find((one) => one.n === n)) ??
          (key === undefined ? undefined : keys.get(key)) ??
          // Restored, or settled before it was accepted: then the words tell which.
          actor.sends.find(({ text, ...one }) => text === told.text && one.told === undefined)
        if (send !== undefined) send.told = told
        return
      }
      case "Heard":
        life.heard.push(news)
        return
      case "Gap":
        life.gaps.push({ after: life.heard.length, conversationId: news.conversationId, why: news.why })
        return
      case "Given":
        life.given ??= news.ids
        return
      case "State":
        life.states.push(news.state)
    }
  })
  actor.lives.push(life)
  return life
}

export const say = (actor: Actor, text: string, to?: number) => {
  const life = lifeOf(actor)
  const n = actor.sends.length + 1
  actor.sends.push({ n, text, to, life, takenAt: undefined, told: undefined })
  order(life, { _tag: "Say", n, text, ...(to === undefined ? {} : { to }) })
}

export const leave = (actor: Actor) => order(lifeOf(actor), { _tag: "Leave" })
