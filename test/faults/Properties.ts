/** What must hold after any run, whatever went wrong. Each broken promise is one line. */
import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import type { ConversationId, MessageId } from "../../src/domain/Id.ts"
import type { Message } from "../../src/domain/Message.ts"
import type { KefuErrorReason } from "../../src/KefuError.ts"
import type { Log, Person, Push, Run, Send } from "./Simulation.ts"

/**
 * After these the message may or may not be there. A bare send cannot know more than that nothing was acknowledged, and
 * believes a backend that closes with 1009.
 */
const open = {
  outbox: new Set<string>(["DeliveryUnknown"]),
  bare: new Set<string>(["DeliveryUnknown", "AckTimeout", "RequestTooLarge"])
}

export const reasonOf = (send: Send): KefuErrorReason["_tag"] | undefined => {
  if (send.exit === undefined || Exit.isSuccess(send.exit)) return undefined
  const failure = send.exit.cause.reasons.find(Cause.isFailReason)
  return failure?.error.reason._tag
}

/** Every send that reported `Sent` is in the history exactly once and in the sender's order; what failed is not there. */
const sends = ({ history, schedule, sends }: Run): ReadonlyArray<string> => {
  const problems: Array<string> = []
  const all = history.flatMap(({ messages }) => messages)
  const recalled = new Set(
    all.flatMap((message) => (message.messageType === "MessageRecall" ? [message.content.messageId] : []))
  )
  const byContent = new Map<unknown, Array<Message>>()
  for (const message of all) {
    if (message.messageType !== "Text") continue
    byContent.set(message.content, [...(byContent.get(message.content) ?? []), message])
  }
  for (const send of sends) {
    const found = byContent.get(send.content) ?? []
    const told = send.exit === undefined ? "nothing" : (reasonOf(send) ?? "Sent")
    if (send.exit === undefined) problems.push(`"${send.content}" never settled`)
    if (found.length > 1) problems.push(`"${send.content}" is in the history ${found.length} times; told: ${told}`)
    if (send.exit === undefined) continue
    if (Exit.isSuccess(send.exit)) {
      const id = send.exit.value
      if (found.length === 0 && !recalled.has(id)) problems.push(`"${send.content}" was Sent as ${id} but is not there`)
      if (found.length === 1 && found[0]?.id !== id) problems.push(`"${send.content}" was Sent as ${id}, is another`)
    } else if (reasonOf(send) === undefined) {
      problems.push(`"${send.content}" ended in ${Cause.pretty(send.exit.cause)}`)
    } else if (found.length > 0 && !open[schedule.outbox ? "outbox" : "bare"].has(told)) {
      problems.push(`"${send.content}" is there; told: ${told}`)
    }
  }
  const lanes = new Map<string, Array<Send>>()
  for (const send of sends) {
    const lane = `${send.who} ${send.lane}`
    lanes.set(lane, [...(lanes.get(lane) ?? []), send])
  }
  for (const [lane, sent] of lanes) {
    let latest: MessageId | undefined
    for (const { content, exit } of sent) {
      if (exit === undefined || !Exit.isSuccess(exit)) continue
      if (latest !== undefined && exit.value < latest) problems.push(`"${content}" overtook another in ${lane}`)
      latest = exit.value
    }
  }
  return problems
}

/** Whether an event of the log says that something may be missing here, from a moment on. */
const isNamed = (log: Log, id: ConversationId, since: number): boolean =>
  log.heard.some(
    ({ at, event }) =>
      at >= since &&
      (event._tag === "Lagged" ||
        (event._tag === "GapUnresolved" && (event.conversationId === undefined || event.conversationId === id)))
  )

/** Messages that count as given because the session began with them. */
const givenAtFirst = (log: Log): ReadonlySet<MessageId> => {
  const first = log.heard.find(({ event }) => event._tag === "Resynced")?.event
  return new Set(
    first?._tag === "Resynced" ? first.conversations.flatMap(({ messages }) => messages.map(({ id }) => id)) : []
  )
}

const connectedSince = ({ states }: Person): number =>
  states.find(({ state }) => state._tag === "Connected")?.at ?? Infinity

/** Every message reached every subscriber exactly once and in order, or an event said that it may not have. */
const deliveries = (run: Run): ReadonlyArray<string> =>
  run.people.flatMap((person) =>
    person.logs.flatMap((log, index) => {
      const who = `${person.name}, subscriber ${index}`
      const problems: Array<string> = []
      const seen = new Set<MessageId>()
      const greatest = new Map<ConversationId, { readonly id: MessageId; readonly at: number }>()
      log.heard.forEach(({ event }, position) => {
        if (event._tag !== "MessageReceived") return
        const { conversationId, id } = event.message
        if (seen.has(id)) problems.push(`${who} got message ${id} twice`)
        seen.add(id)
        const latest = greatest.get(conversationId)
        if (latest === undefined || id > latest.id) {
          greatest.set(conversationId, { id, at: position })
          return
        }
        const between = log.heard.slice(latest.at, position)
        const isTold = between.some(
          (heard) =>
            heard.event._tag === "Lagged" ||
            (heard.event._tag === "GapUnresolved" &&
              (heard.event.conversationId === undefined || heard.event.conversationId === conversationId))
        )
        if (!isTold) problems.push(`${who} got message ${id} after ${latest.id}, untold`)
      })

      if (!log.complete) return problems
      const given = givenAtFirst(log)
      // Who comes late cannot say what of that very moment it missed.
      const from = Math.max(log.listener.from === 0 ? 0 : log.since + 1, connectedSince(person))
      // An app that closes its connection asks for nothing that was under way, and begins anew when it opens it again.
      const isOurs = ({ at, to }: Push) =>
        to === person.userId && at >= from && person.reopened.every((pause) => at > pause.until)
      const present = new Set(run.history.flatMap(({ messages }) => messages.map(({ id }) => id)))
      for (const push of run.pushes.filter(isOurs)) {
        const { conversationId, id, messageType } = push.message
        if (!present.has(id) || seen.has(id) || given.has(id)) continue
        if (isNamed(log, conversationId, push.at)) continue
        problems.push(
          `${who} never got message ${id} (${messageType}) of conversation ${conversationId}, pushed at ${push.at}, untold`
        )
      }
      return problems
    })
  )

/**
 * With nothing but lost connections and repeats, nothing is lost for good. A needless `GapUnresolved` is no broken
 * promise, but should be rare: `tally` counts them.
 */
const mild = (run: Run): ReadonlyArray<string> => {
  if (!run.schedule.mild) return []
  return run.people.flatMap(({ logs, name, states }) => [
    ...states.flatMap(({ at, state }) =>
      state._tag === "Closed" && state.reason !== undefined ? [`${name} gave up at ${at}: ${state.reason.message}`] : []
    ),
    ...logs.flatMap(({ heard, listener }, index) =>
      heard.flatMap(({ at, event }) =>
        event._tag === "Undecodable" || event._tag === "GapUnresolved" || (event._tag === "Lagged" && listener.bufferSize === undefined)
          ? [`${name}, subscriber ${index}: needless ${event._tag} at ${at}: ${JSON.stringify(event)}`]
          : []
      )
    )
  ])
}

/** The session is connected in the end; after closing nothing is left. */
const ends = ({ complaints, people }: Run): ReadonlyArray<string> => [
  ...complaints.map((complaint) => `complaint: ${complaint}`),
  ...people.flatMap(({ leftAt, left, logs, name, state, stuck }) => [
    ...(stuck > 0 ? [`${stuck} actions of ${name} did not settle`] : []),
    ...(leftAt === undefined && state?._tag !== "Connected" ? [`${name} is ${JSON.stringify(state)} in the end`] : []),
    ...Array.from(left, ([what, count]) => (count === 0 ? [] : [`${name} left ${count} ${what}`])).flat(),
    ...logs.flatMap(({ ended }, index) =>
      ended !== undefined && Exit.isFailure(ended) && !ended.cause.reasons.every(Cause.isInterruptReason)
        ? ended.cause.reasons.some(
            (reason) => Cause.isFailReason(reason) && reason.error.reason._tag === "SubscriberLagged"
          )
          ? []
          : [`the stream of ${name}, subscriber ${index}, ended in ${Cause.pretty(ended.cause)}`]
        : []
    )
  ])
]

export const check = (run: Run): ReadonlyArray<string> => [
  ...sends(run),
  ...deliveries(run),
  ...mild(run),
  ...ends(run)
]

/** What happened in a run, in numbers: properties that hold because nothing happens would prove nothing. */
export const tally = (run: Run): ReadonlyArray<readonly [what: string, count: number]> => {
  const counts = new Map<string, number>()
  const add = (what: string, count = 1) => counts.set(what, (counts.get(what) ?? 0) + count)
  for (const send of run.sends) add(`send ${reasonOf(send) ?? "Sent"}`)
  for (const { logs, states } of run.people) {
    add("connections", states.filter(({ state }) => state._tag === "Connected").length)
    for (const { event } of logs.flatMap(({ heard }) => heard)) {
      if (event._tag === "MessageReceived") add(event.recovered ? "recovered" : "live")
      else add(event._tag)
      if (event._tag === "GapUnresolved" && run.schedule.mild) add("needless GapUnresolved")
    }
  }
  return Array.from(counts).toSorted(([left], [right]) => left.localeCompare(right))
}
