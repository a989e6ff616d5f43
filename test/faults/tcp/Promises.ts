/** What people were promised, judged by the backend's history, which is read past the proxy. One line per broken promise. */
import type { Actor, Life, Send } from "./Actor.ts"
import { lifeOf } from "./Actor.ts"
import type { Said, Talk } from "./Talk.ts"

/** Makes the robot hand over to staff. */
export const askForPerson = "转人工"

export interface History {
  readonly said: ReadonlyArray<Said>
  readonly talks: ReadonlyArray<Talk>
}

/** How long before a kill the outbox must have accepted what survives it. */
const written = 3000

const keyOf = (fromId: number | null, text: string) => `${fromId} ${text}`

const group = <K, A>(items: Iterable<A>, of: (item: A) => K): Map<K, Array<A>> => {
  const groups = new Map<K, Array<A>>()
  for (const item of items) {
    const key = of(item)
    const found = groups.get(key)
    if (found === undefined) groups.set(key, [item])
    else found.push(item)
  }
  return groups
}

/** May be told nothing: it was said so shortly before a kill that it may never have been accepted or stored. */
const isExcused = ({ part }: Actor, { life, takenAt }: Send): boolean =>
  life.killedAt !== undefined &&
  (part.folder === undefined || takenAt === undefined || life.killedAt - takenAt < written)

/**
 * Every send settles. What is `Sent` is there once, as the message that it was told to be, in the order in which it was
 * said. What failed is not there. Nothing is there more often than it was said.
 */
const sends = (actor: Actor, { said }: History): ReadonlyArray<string> => {
  const problems: Array<string> = []
  const { id: fromId, name } = actor
  const found = group(
    said.filter((message) => message.fromId === fromId),
    ({ text }) => text
  )
  for (const [text, same] of group(actor.sends, (send) => send.text)) {
    const there = found.get(text) ?? []
    const outcomes = same.map(({ told }) => told?.outcome ?? "nothing")
    const ids = same.flatMap(({ told }) => told?.id ?? [])
    for (const send of same) {
      if (send.told !== undefined || isExcused(actor, send)) continue
      if (send.life.killedAt !== undefined && there.length > 0) continue
      problems.push(`${name}: "${text}" (${send.n}) ${send.life.killedAt === undefined ? "never settled" : "was lost"}`)
    }
    if (new Set(ids).size < ids.length)
      problems.push(`${name}: "${text}" was told Sent twice as one: ${ids.join(", ")}`)
    for (const id of ids) {
      if (!there.some((message) => message.id === id)) problems.push(`${name}: "${text}", Sent as ${id}, is not there`)
    }
    const failed = outcomes.filter((outcome) => !["Sent", "DeliveryUnknown", "nothing"].includes(outcome)).length
    if (there.length > same.length - failed) {
      problems.push(`${name}: "${text}" is there ${there.length} times; told: ${outcomes.join(", ")}`)
    }
  }
  for (const [, lane] of group(actor.sends, ({ to }) => to)) {
    let latest = 0
    for (const { n, text, told } of lane) {
      if (told?.id === undefined) continue
      if (told.id < latest) problems.push(`${name}: "${text}" (${n}, ${told.id}) was overtaken by ${latest}`)
      latest = Math.max(latest, told.id)
    }
  }
  return problems
}

const isNamed = ({ gaps }: Life, id: number, from = 0, to = Infinity): boolean =>
  gaps.some(
    ({ after, conversationId }) => after >= from && after <= to && (conversationId === null || conversationId === id)
  )

/**
 * What reaches an app reaches it once and in order. Nothing of what others say is missing in the end; what visitors say first
 * goes to the robot.
 */
const receipts = (actor: Actor, actors: ReadonlyArray<Actor>, { said, talks }: History): ReadonlyArray<string> => {
  const problems: Array<string> = []
  const { id: me, isStaff, lives, name } = actor
  for (const life of lives) {
    const seen = new Set<number>()
    const greatest = new Map<number, { readonly id: number; readonly at: number }>()
    life.heard.forEach(({ conversationId, id }, at) => {
      if (seen.has(id)) problems.push(`${name} got ${id} twice`)
      seen.add(id)
      const latest = greatest.get(conversationId)
      if (latest !== undefined && latest.id > id) {
        if (!isNamed(life, conversationId, latest.at, at)) problems.push(`${name} got ${id} after ${latest.id}, untold`)
      } else greatest.set(conversationId, { id, at })
    })
  }
  const mine = new Set(talks.flatMap((talk) => ((isStaff ? talk.staffId : talk.customerId) === me ? [talk.id] : [])))
  const others = new Set(actors.flatMap(({ id }) => (id === me ? [] : [id])))
  const known = new Set(lives.flatMap(({ given = [], heard }) => [...given, ...heard.map(({ id }) => id)]))
  for (const { conversationId, fromId, id, text } of said) {
    if (text === askForPerson) continue
    if (!mine.has(conversationId) || fromId === null || !others.has(fromId) || known.has(id)) continue
    if (lives.some((life) => isNamed(life, conversationId))) continue
    problems.push(`${name} never got ${id} ("${text}") of conversation ${conversationId}`)
  }
  return problems
}

/** Nobody logs in elsewhere: the session goes on, and is connected in the end. */
const connection = (actor: Actor): ReadonlyArray<string> => {
  const { name } = actor
  const { exit, output, states } = lifeOf(actor)
  return [
    ...(exit === undefined ? [] : [`${name} has ended with ${exit}: ${output}`]),
    ...(states.includes("Superseded") ? [`${name} was told Superseded, though nobody logged in elsewhere`] : []),
    ...(states.at(-1) === "Connected" ? [] : [`${name} is ${states.at(-1)} in the end`])
  ]
}

/** What is not so, or not yet. */
export const broken = (actors: ReadonlyArray<Actor>, history: History): ReadonlyArray<string> =>
  actors.flatMap((actor) => [...sends(actor, history), ...receipts(actor, actors, history), ...connection(actor)])

/** Sends with words of their own whose outcome stayed unknown, though the history can tell. */
export const undecided = (actors: ReadonlyArray<Actor>): ReadonlyArray<string> =>
  actors.flatMap(({ name, sends: all }) => {
    const same = group(all, ({ text }) => keyOf(0, text))
    return all.flatMap(({ life, n, text, told }) =>
      told?.outcome === "DeliveryUnknown" && life.killedAt === undefined && same.get(keyOf(0, text))?.length === 1
        ? [`${name}: "${text}" (${n}) stayed unknown`]
        : []
    )
  })
