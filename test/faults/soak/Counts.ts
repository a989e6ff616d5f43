/** What the soak judges by the backend's history: what was sent, and what arrived. */
import type { Said } from "./Backend.ts"
import { askForPerson, type PassedBy, type Person } from "./Person.ts"

export interface Cast {
  readonly staff: ReadonlyArray<Person>
  readonly visitors: ReadonlyArray<Person>
}

/** Who should have received which message. */
export const audience = ({ staff, visitors }: Cast, said: ReadonlyArray<Said>) => {
  const counterparts = new Map<number, Person>()
  for (const one of visitors) {
    const conversations = new Set(
      said.flatMap(({ conversationId, fromId }) => (fromId === one.id ? [conversationId] : []))
    )
    for (const id of conversations) counterparts.set(id, one)
  }
  const servedBy = new Map<number, Person>()
  for (const { conversationId, fromId } of said) {
    const server = staff.find(({ id }) => id === fromId)
    if (server !== undefined) servedBy.set(conversationId, server)
  }
  return said.flatMap((message) => {
    const visitor = counterparts.get(message.conversationId)
    const server = servedBy.get(message.conversationId)
    const isOfRobot = message.text === askForPerson
    if (visitor === undefined || server === undefined || isOfRobot) return []
    if (message.fromId === visitor.id) return [{ message, to: server }]
    return message.fromId === server.id ? [{ message, to: visitor }] : []
  })
}

/** What was promised and not kept, and how often what happened. */
export const judge = (cast: Cast, passing: ReadonlyArray<PassedBy>, said: ReadonlyArray<Said>) => {
  const violations: Array<string> = []
  const { staff, visitors } = cast
  const everyone = [...visitors, ...staff]
  const count = (what: string, isSo: boolean) => {
    if (!isSo) violations.push(what)
  }
  const ids = new Map(said.map((message) => [message.id, message]))
  const texts = new Map<string, number>()
  for (const { fromId, text } of said) texts.set(`${fromId} ${text}`, (texts.get(`${fromId} ${text}`) ?? 0) + 1)
  let sent = 0
  let unknown = 0
  let failed = 0
  // The messages of staff are ordered within each conversation only.
  const attendants = new Set(staff.map(({ id }) => id))
  for (const one of [...everyone, ...passing]) {
    let last = 0
    for (const [text, id] of one.sent) {
      sent++
      const message = ids.get(id)
      count(`${one.name}: "${text}" is not in the history`, message?.text === text && message.fromId === one.id)
      count(
        `${one.name}: "${text}" is there ${texts.get(`${one.id} ${text}`)} times`,
        texts.get(`${one.id} ${text}`) === 1
      )
      if (!attendants.has(one.id)) {
        count(`${one.name}: "${text}" is out of order`, id > last)
        last = id
      }
    }
    for (const text of one.ended.Failed) {
      failed++
      count(`${one.name}: "${text}" failed, but is there`, !texts.has(`${one.id} ${text}`))
    }
    for (const text of one.ended.DeliveryUnknown) {
      unknown++
      count(`${one.name}: "${text}" is there twice`, (texts.get(`${one.id} ${text}`) ?? 0) <= 1)
    }
  }
  let delivered = 0
  let named = 0
  for (const { message, to } of audience(cast, said)) {
    const times = to.received.get(message.id) ?? 0
    if (times === 1) delivered++
    else if (times === 0 && (to.gaps.has(message.conversationId) || to.gaps.has(undefined))) named++
    else violations.push(`${to.name} received "${message.text}" ${times} times`)
  }
  for (const one of everyone) {
    count(`${one.name} received ${one.outOfOrder.length} out of order`, one.outOfOrder.length === 0)
  }
  return { violations, sent, unknown, failed, delivered, named }
}
