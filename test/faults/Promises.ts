/**
 * What people were promised, whatever goes wrong. Each broken promise is one line. A promise that names a switch is judged
 * in the schedules that have it only, until it is kept and the switch stands.
 */
import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import type { ConversationId, MessageId, UserId } from "../../src/domain/Id.ts"
import type { Message } from "../../src/domain/Message.ts"
import type { KefuErrorReason } from "../../src/KefuError.ts"
import type { ConnectionState } from "../../src/realtime/ConnectionState.ts"
import { isStaff } from "./People.ts"
import { accountOf, lifetime, type Log, type Person, type Send } from "./Person.ts"
import { hasStore, type Switch } from "./Schedule.ts"
import { type Push, type Run, settlingOf } from "./Simulation.ts"
import { ofTag } from "./Trouble.ts"

/**
 * After these the message may or may not be there. A bare send cannot know more than that nothing was acknowledged, and
 * believes a backend that closes with 1009.
 */
const open = {
  outbox: new Set<string>(["DeliveryUnknown"]),
  bare: new Set<string>(["DeliveryUnknown", "AckTimeout", "RequestTooLarge"])
}

const failureOf = ({ exit }: Send): KefuErrorReason | undefined =>
  exit === undefined || Exit.isSuccess(exit) ? undefined : exit.cause.reasons.find(Cause.isFailReason)?.error.reason

export const reasonOf = (send: Send): KefuErrorReason["_tag"] | undefined => failureOf(send)?._tag

const toldOf = (send: Send): string => (send.exit === undefined ? "nothing" : (reasonOf(send) ?? "Sent"))

const idOf = ({ exit }: Send): MessageId | undefined =>
  exit !== undefined && Exit.isSuccess(exit) ? exit.value : undefined

const group = <K, A>(items: Iterable<A>, keyOf: (item: A) => K): Map<K, Array<A>> => {
  const groups = new Map<K, Array<A>>()
  for (const item of items) {
    const key = keyOf(item)
    const found = groups.get(key)
    if (found === undefined) groups.set(key, [item])
    else found.push(item)
  }
  return groups
}

const allMessages = ({ history }: Run) => history.flatMap(({ messages }) => messages)

const recalledIds = (run: Run): ReadonlySet<MessageId> =>
  new Set(
    allMessages(run).flatMap((message) => (message.messageType === "MessageRecall" ? [message.content.messageId] : []))
  )

const textsOf = (run: Run): ReadonlyMap<unknown, ReadonlyArray<Message>> =>
  group(
    allMessages(run).filter(({ messageType }) => messageType === "Text"),
    ({ content }) => content
  )

/** Whether a person's connection stood all the time between two moments. */
const stood = ({ states }: Person, from: number, until: number): boolean =>
  states.findLast(({ at }) => at <= from)?.state._tag === "Connected" &&
  !states.some(({ at }) => at > from && at < until)

/** Whether somebody has logged in, who may be another session or a dial of this one that arrived late. */
const isOtherLogin = (state: ConnectionState): boolean =>
  state._tag === "Superseded" ||
  (state._tag === "Waiting" && /an earlier dial of this session may have replaced it/.test(state.cause.message))

/** Whether a person's session ended, became another account's, or was one of several, between two moments. */
const wasOver = ({ schedule }: Run, { accounts, leftAt, name, states }: Person, from: number, until: number): boolean =>
  (leftAt !== undefined && leftAt <= until) ||
  ofTag("SecondSession")(schedule.troubles).some((tab) => tab.who === name && tab.from <= until && tab.until >= from) ||
  ofTag("AccountReplaced")(schedule.troubles).some(({ at, who }) => who === name && at >= from && at <= until) ||
  // A device that slept finds out later.
  accounts.slice(1).some((account) => account.from >= from && account.from <= until) ||
  states.some(({ at, state }) => at >= from && at <= until && (state._tag === "Closed" || isOtherLogin(state)))

/** For how long a person's device slept between two moments. */
const asleep = ({ schedule }: Run, name: string, from: number, until: number): number => {
  let total = 0
  let begin = from
  for (const nap of schedule.naps.toSorted((left, right) => left.from - right.from)) {
    const end = Math.min(nap.from + nap.millis, until)
    if (nap.who !== name || end <= begin) continue
    total += Math.max(0, end - Math.max(begin, nap.from))
    begin = end
  }
  return total
}

const byName = ({ people }: Run, name: string): Person => people.find((person) => person.name === name)!

// --- what is sent

/** How long before a kill a send must have been given to survive it. */
const written = 1000

/** Whether a person's store still holds a send: for the app that is started next, or for another account of the person. */
const isKept = (person: Person, { content }: Send, of: "anybody" | "another account"): boolean =>
  Array.from(person.kept).some(
    ([name, value]) =>
      value.includes(`"content":"${content}"`) &&
      (of === "anybody" || (person.accounts.length > 1 && !name.includes(`/${accountOf(person).userId}/`)))
  )

/**
 * Nobody need be told of a send whose app has died where it was given too shortly before, past the outbox, over a store that
 * failed, or where it has arrived. The store keeps it for its account: an app that is started with another, or closed for
 * good before it knew what had become of the send, is not told.
 */
const mayBeForgotten = (run: Run, send: Send, isThere: boolean): boolean => {
  const { at, diedAt, who } = send
  const { schedule } = run
  const person = byName(run, who)
  return (
    diedAt !== undefined &&
    (isThere ||
      !schedule.outbox ||
      diedAt - at < written ||
      isKept(person, send, person.leftAt === undefined ? "another account" : "anybody") ||
      ofTag("StoreFails")(schedule.troubles).some((trouble) => trouble.who === who))
  )
}

/** Whether a session was closed over a store from which another one of the account may have sent what it left. */
const isLeft = ({ schedule }: Run, send: Send): boolean => {
  const reason = failureOf(send)
  return (
    schedule.outbox &&
    hasStore(schedule) &&
    reason?._tag === "Closed" &&
    reason.detail === "the layer was closed" &&
    ofTag("SecondSession")(schedule.troubles).some(({ who }) => who === send.who)
  )
}

/**
 * Whether a send may go out once more: the store has kept it as waiting, and took nothing any more when it went out, so that
 * another session or the app that is started after a kill cannot know that.
 */
const mayRepeat = ({ schedule }: Run, { at, settledAt = Infinity, who }: Send): boolean =>
  schedule.outbox &&
  ofTag("StoreFails")(schedule.troubles).some(
    ({ from, how, who: whose }) =>
      whose === who &&
      how === "set" &&
      from > at &&
      from < settledAt &&
      (ofTag("SecondSession")(schedule.troubles).some((tab) => tab.who === who && tab.until > from) ||
        ofTag("Killed")(schedule.troubles).some((kill) => kill.who === who && kill.at > from))
  )

/**
 * Every send settles. What is `Sent` is in the history, as the message that it was told to be. What failed is not there.
 * Nothing is there more often than it was said, also when the same words were said twice, unless a store failed between.
 */
const sends = (run: Run): ReadonlyArray<string> => {
  const problems: Array<string> = []
  const recalled = recalledIds(run)
  const texts = textsOf(run)
  const mayBeThere = open[run.schedule.outbox ? "outbox" : "bare"]
  for (const [content, same] of group(run.sends, (send) => send.content)) {
    const found = texts.get(content) ?? []
    const told = same.map(toldOf).join(", ")
    const ids = same.flatMap((send) => idOf(send) ?? [])
    for (const send of same) {
      if (send.exit === undefined) {
        if (!mayBeForgotten(run, send, found.length > 0)) problems.push(`"${content}" never settled`)
      } else if (idOf(send) === undefined && reasonOf(send) === undefined && !send.elsewhere) {
        problems.push(`"${content}" ended in ${Exit.isFailure(send.exit) ? Cause.pretty(send.exit.cause) : ""}`)
      }
    }
    if (new Set(ids).size < ids.length) problems.push(`"${content}" was Sent twice as one message: ${ids.join(", ")}`)
    for (const id of ids) {
      if (recalled.has(id) || found.some((message) => message.id === id)) continue
      problems.push(
        found.length === 0
          ? `"${content}" was Sent as ${id} but is not there`
          : `"${content}" was Sent as ${id}, is another`
      )
    }
    const failed = same.filter((send) => {
      const reason = reasonOf(send)
      return reason !== undefined && !mayBeThere.has(reason) && !isLeft(run, send)
    })
    const said = same.length + same.filter((send) => !failed.includes(send) && mayRepeat(run, send)).length
    if (found.length > said) {
      problems.push(`"${content}" is in the history ${found.length} times; told: ${told}`)
    } else if (found.length > said - failed.length) {
      problems.push(`"${content}" is there${same.length > 1 ? ` ${found.length} times` : ""}; told: ${told}`)
    }
  }
  return problems
}

const inOrder = (
  run: Run,
  laneOf: (send: Send) => string,
  idIn: (send: Send) => MessageId | undefined
): ReadonlyArray<string> =>
  Array.from(group(run.sends, (send) => `${send.who}${send.elsewhere ? " elsewhere" : ""} ${laneOf(send)}`)).flatMap(
    ([lane, said]) => {
      let latest: MessageId | undefined
      return said.flatMap((send) => {
        const id = idIn(send)
        if (id === undefined) return []
        const overtook = latest !== undefined && id < latest
        latest = id
        return overtook ? [`"${send.content}" was overtaken, in ${lane}`] : []
      })
    }
  )

/**
 * What somebody says to somebody arrives in the order in which it was said, whatever conversation it names, and whatever
 * was told about it. A visitor whose account was replaced is somebody else to the staff. Two sessions of a visitor may get
 * an account each, and what one of them has taken over from the other goes out with its own.
 */
const inOrderSaid = (run: Run) => {
  const texts = textsOf(run)
  const said = group(run.sends, (send) => send.content)
  const idIn = (send: Send) => {
    const found = texts.get(send.content) ?? []
    const isOnly = said.get(send.content)?.length === 1
    // The app that is started after a kill cannot say which of several equal messages its store has kept.
    const told = isOnly || send.diedAt === undefined ? idOf(send) : undefined
    return told ?? (found.length === 1 && isOnly ? found[0]?.id : undefined)
  }
  const tabs = ofTag("SecondSession")(run.schedule.troubles)
  const accountIn = (send: Send) => {
    const id = idIn(send)
    return texts.get(send.content)?.find((message) => message.id === id)?.fromId
  }
  return inOrder(
    run,
    (send) => {
      const { to, toId, who } = send
      if (isStaff(who)) return `to ${to}, account ${toId}`
      return tabs.some((tab) => tab.who === who) ? `as account ${accountIn(send)}` : ""
    },
    idIn
  )
}

/** Whether something was under way when the send was given: what is behind a refused send may wait for it too long. */
const waitedFor = ({ sends }: Run, send: Send): boolean =>
  sends.slice(0, sends.indexOf(send)).some(({ settledAt = Infinity, who }) => who === send.who && settledAt > send.at)

/** A send expires for want of a connection, and not while there is one and nothing is before it. What sleeps has none. */
const expiry = (run: Run): ReadonlyArray<string> =>
  run.sends.flatMap((send) =>
    reasonOf(send) === "OutboxExpired" &&
    !waitedFor(run, send) &&
    asleep(run, send.who, send.at, send.settledAt ?? Infinity) === 0 &&
    stood(byName(run, send.who), send.at, send.settledAt ?? Infinity)
      ? [`"${send.content}" expired at ${send.settledAt} though the connection stood since ${send.at}`]
      : []
  )

const isOpenUntil = ({ pushes }: Run, id: ConversationId | undefined, until: number): boolean =>
  id !== undefined &&
  !pushes.some(
    ({ at, message }) => at <= until && message.conversationId === id && message.messageType === "ConversationEnd"
  )

/**
 * Where nothing but connections fails, the history decides what became of a send once the connection is back: nothing is
 * told as unknown before the outbox has waited for that as long as it says. Staff who write to somebody with whom they have
 * no conversation, not yet or not any more, have no history to go by.
 */
const certainty = (run: Run): ReadonlyArray<string> => {
  if (!run.schedule.mild || !run.schedule.outbox || recalledIds(run).size > 0) return []
  return run.sends.flatMap((send) => {
    const { content, settledAt = Infinity } = send
    return reasonOf(send) === "DeliveryUnknown" &&
      settledAt - send.at < lifetime &&
      !(isStaff(send.who) && !isOpenUntil(run, send.conversationId, settledAt)) &&
      !wasOver(run, byName(run, send.who), send.at, settledAt)
      ? [`"${content}", said at ${send.at}, was given up as unknown at ${settledAt}`]
      : []
  })
}

/** Where nothing goes wrong but a clock, everything is sent, over the one connection. */
const calm = (run: Run): ReadonlyArray<string> => {
  const { faults, naps, troubles } = run.schedule
  if (faults.length > 0 || naps.length > 0 || !troubles.every(({ _tag }) => _tag === "ClockSet")) return []
  return run.people.flatMap((person) => {
    if (person.leftAt !== undefined || person.reopened.length > 0) return []
    return [
      ...person.states.flatMap(({ at, state }) =>
        state._tag === "Waiting" ? [`${person.name} lost a living connection at ${at}: ${state.cause.message}`] : []
      ),
      ...run.sends.flatMap((send) =>
        // The backend refuses what staff say to somebody who has not come yet.
        send.who === person.name && !isStaff(send.who) && idOf(send) === undefined
          ? [`"${send.content}" was not Sent but ${toldOf(send)}`]
          : []
      )
    ]
  })
}

// --- what is received

/** Whether an event of the log says that something may be missing here, from a moment on. */
const isNamed = (log: Log, id: ConversationId, since: number): boolean =>
  log.heard.some(
    ({ at, event }) =>
      at >= since &&
      (event._tag === "Lagged" ||
        (event._tag === "GapUnresolved" && (event.conversationId === undefined || event.conversationId === id)))
  )

/** Since when a person is connected with the account in use. */
const connectedSince = (person: Person, { bornAt }: Log): number => {
  const from = Math.max(accountOf(person).from, bornAt)
  return person.states.find(({ at, state }) => at >= from && state._tag === "Connected")?.at ?? Infinity
}

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
      const account = accountOf(person)
      // Who comes late cannot say what of that very moment it missed.
      const from = Math.max(log.listener.from === 0 ? 0 : log.since + 1, connectedSince(person, log))
      // An app that closes its connection asks for nothing that was under way, and begins anew when it opens it again.
      const isOurs = ({ at, to }: Push) =>
        to === account.userId && at >= from && person.reopened.every((pause) => at > pause.until)
      const present = new Set(allMessages(run).map(({ id }) => id))
      for (const push of run.pushes.filter(isOurs)) {
        const { conversationId, id, messageType } = push.message
        if (!present.has(id) || seen.has(id)) continue
        if (isNamed(log, conversationId, push.at)) continue
        problems.push(
          `${who} never got message ${id} (${messageType}) of conversation ${conversationId}, pushed at ${push.at}, untold`
        )
      }
      return problems
    })
  )

/**
 * The gaps that had to be told: since the app opened it, no connection has stood for so long after the conversations were
 * read that a frame must have come in by which every push of before had arrived, so that nothing tells where the gap begins;
 * or an own send reached the backend behind one that was given later, since the network had held it up.
 * A device that sleeps takes in nothing.
 */
const neededGaps = (run: Run, { heard, listener }: Log): ReadonlySet<unknown> => {
  const needed = new Set<unknown>()
  /** Since when the conversations are known over the present connection. */
  let since = Infinity
  let hasBeginning = false
  for (const { at, event } of heard) {
    if (event._tag === "Resynced") since = Math.min(since, at)
    if (event._tag === "StateChanged" && event.state._tag !== "Connected") {
      if (at - since - asleep(run, listener.who, since, at) > overtaking + longestSilence) hasBeginning = true
      if (event.state._tag === "Closed") hasBeginning = false
      since = Infinity
    }
    if (event._tag !== "GapUnresolved") continue
    if (!hasBeginning || /^message \d+ came after a later one$/.test(event.detail)) needed.add(event)
  }
  return needed
}

/** With nothing but lost connections and repeats, nothing is lost for good, and nothing is said to be. */
const mild = (run: Run): ReadonlyArray<string> => {
  if (!run.schedule.mild) return []
  // What was missed with the account before cannot be read with the one after.
  const isReplaced = ({ accounts }: Person) => accounts.length > 1
  return run.people.flatMap((person) => [
    ...person.states.flatMap(({ at, state }) =>
      state._tag === "Closed" && state.reason !== undefined
        ? [`${person.name} gave up at ${at}: ${state.reason.message}`]
        : []
    ),
    ...person.logs.flatMap((log, index) => {
      // Who is slow hears things late, and some not at all.
      const { bornAt } = log
      const prompt = person.logs.find((one) => one.bornAt === bornAt && one.listener.bufferSize === undefined) ?? log
      const needed = neededGaps(run, prompt)
      return log.heard.flatMap(({ at, event }) =>
        event._tag === "Undecodable" ||
        event._tag === "UnknownReceived" ||
        (event._tag === "GapUnresolved" && !isReplaced(person) && !needed.has(event)) ||
        (event._tag === "Lagged" && log.listener.bufferSize === undefined)
          ? [`${person.name}, subscriber ${index}: needless ${event._tag} at ${at}: ${JSON.stringify(event)}`]
          : []
      )
    })
  ])
}

// --- the connection

/** By how long one push may overtake another. */
const overtaking = 2000

/** Silence that `Connected` may outlast: 20 s to a ping, 5 s to its answer, and what a frame may be late. */
const longestSilence = 26_000

/** How long an answer is waited for once more by a device that has slept, or believes so since its clock was set forward. */
const grace = 5000

/** Who is told `Connected` has heard from the backend within 25 seconds, not counting those asleep. */
const liveliness = (run: Run): ReadonlyArray<string> =>
  run.people.flatMap(({ accounts, name, states }) => {
    const { schedule, wire } = run
    // What another session hears is no sign of life for this one.
    if (ofTag("SecondSession")(schedule.troubles).some(({ who }) => who === name)) return []
    const naps = schedule.naps.filter(({ who }) => who === name)
    const sets = ofTag("ClockSet")(schedule.troubles).filter(({ millis, who }) => who === name && millis > 0)
    /** What arrives while a device sleeps, it gets when it wakes. */
    const awake = (moment: number): number => {
      const nap = naps.find(({ from, millis }) => moment >= from && moment < from + millis)
      return nap === undefined ? moment : awake(nap.from + nap.millis)
    }
    const arrivals = accounts
      .flatMap(({ userId }) => wire.arrivals.get(userId) ?? [])
      .map(awake)
      .toSorted((left, right) => left - right)
    return states.flatMap(({ at, state }, index) => {
      if (state._tag !== "Connected") return []
      const until = states[index + 1]?.at ?? schedule.lasts + settlingOf(schedule)
      const heard = [at, ...arrivals.filter((arrival) => arrival > at && arrival < until), until]
      return heard.slice(1).flatMap((next, n) => {
        const from = heard[n] ?? at
        const slept = asleep(run, name, from, next)
        const isLate = slept > 0 || sets.some(({ at }) => at >= from && at <= next)
        return next - from - slept <= longestSilence + (isLate ? grace : 0)
          ? []
          : [`${name} was told Connected though nothing came from ${from} to ${next}`]
      })
    })
  })

/** How long a send may stay unanswered before the link counts as dead: 10 s to its time limit, 5 s to a ping's, and slack. */
const longestUnanswered = 16_000

/** How long the outbox asks about the conversation, and whose session it is, before it hands a send over. */
const orientation = 5000

/** A connection over which nothing reaches the backend any more ends soon after something was to be sent, whatever comes in. */
const upstream = (run: Run): ReadonlyArray<string> => {
  const { faults, mild, outbox, troubles } = run.schedule
  // Acks that come late enough answer for what was sent after them.
  if (faults.some((fault) => fault._tag === "Stall" || (fault._tag === "Delay" && fault.millis > 250))) return []
  if (outbox && (!mild || ofTag("StoreFails")(troubles).length > 0)) return []
  const limit = longestUnanswered + (outbox ? orientation : 0)
  return ofTag("DeadUpstream")(troubles).flatMap(({ at, who }) => {
    const { states } = byName(run, who)
    const index = states.findLastIndex((state) => state.at <= at)
    if (states[index]?.state._tag !== "Connected") return []
    const end = states[index + 1]?.at ?? Infinity
    const send = run.sends.find(
      (one) => one.who === who && !one.elsewhere && one.at > at && one.at < end && !waitedFor(run, one)
    )
    if (send === undefined) return []
    const slept = asleep(run, who, send.at, end)
    const isLate = slept > 0 || ofTag("ClockSet")(troubles).some((set) => set.who === who && set.at >= send.at)
    return end - send.at - slept > limit + (isLate ? grace : 0)
      ? [`${who} stayed connected until ${end} though nothing that was sent from ${send.at} on arrived`]
      : []
  })
}

/** Who is told `Superseded` has been logged in elsewhere. */
const superseding = ({ people, schedule }: Run): ReadonlyArray<string> =>
  people.flatMap((person) => {
    const told = person.states.filter(({ state }) => state._tag === "Superseded").length
    const isHit = (userId: UserId | undefined) =>
      userId === undefined || person.accounts.some((account) => account.userId === userId)
    const kicks = schedule.faults.filter((fault) => fault._tag === "Kick" && isHit(fault.userId)).length
    const logins = kicks + person.dialsElsewhere
    return told > logins ? [`${person.name} was Superseded ${told} times, and logged in elsewhere ${logins} times`] : []
  })

/** A backend that is down is not stormed: dials and requests of one person in ten seconds. */
const limits = { dials: 20, requests: 120 }

const politeness = ({ people, wire }: Run): ReadonlyArray<string> =>
  people.flatMap(({ accounts, name }) =>
    (["dials", "requests"] as const).flatMap((what) => {
      const times = wire[what].flatMap(({ at, userId }) =>
        accounts.some((account) => account.userId === userId) ? [at] : []
      )
      const worst = times.findIndex((at, index) => (times[index + limits[what]] ?? Infinity) - at < 10_000)
      return worst < 0 ? [] : [`${name} made more than ${limits[what]} ${what} within 10 s from ${times[worst]} on`]
    })
  )

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

interface Promised {
  readonly broken: (run: Run) => ReadonlyArray<string>
  /** Judged only where one of these is on; absent: always. */
  readonly with?: ReadonlyArray<Switch>
}

const promises: ReadonlyArray<Promised> = [
  { broken: sends },
  { broken: inOrderSaid },
  { broken: expiry, with: ["clock", "store"] },
  { broken: certainty, with: ["deadUpstream"] },
  { broken: calm, with: ["clock"] },
  { broken: deliveries },
  { broken: mild },
  { broken: liveliness },
  { broken: upstream, with: ["deadUpstream"] },
  { broken: superseding, with: ["lateDials"] },
  { broken: politeness },
  { broken: ends }
]

/** What was promised in a run and not kept. */
export const check = (run: Run): ReadonlyArray<string> =>
  promises.flatMap((promised) =>
    promised.with === undefined || promised.with.some((one) => run.schedule.switches.includes(one))
      ? promised.broken(run)
      : []
  )

/** What happened in a run, in numbers: promises that are kept because nothing happens would prove nothing. */
export const tally = (run: Run): ReadonlyArray<readonly [what: string, count: number]> => {
  const counts = new Map<string, number>()
  const add = (what: string, count = 1) => counts.set(what, (counts.get(what) ?? 0) + count)
  for (const send of run.sends) add(`send ${reasonOf(send) ?? "Sent"}`)
  for (const { logs, states } of run.people) {
    add("connections", states.filter(({ state }) => state._tag === "Connected").length)
    for (const { event } of logs.flatMap(({ heard }) => heard)) {
      if (event._tag === "MessageReceived") add(event.recovered ? "recovered" : "live")
      else add(event._tag)
    }
  }
  return Array.from(counts).toSorted(([left], [right]) => left.localeCompare(right))
}
