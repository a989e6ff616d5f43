/**
 * Keeps `isRead` up to date on the message objects that the app holds. The cost of a read mark is proportional to what it
 * newly covers, not to the history. The objects are held weakly.
 */
import { remember } from "./remember.ts"

/** The fields of a message that matter here. */
export interface Flagged {
  readonly id: number
  readonly conversationId: number
  isRead: boolean
}

/** Unread messages of one conversation that came together, in their order; those before `head` have been read. */
class Page {
  readonly messages: ReadonlyArray<Flagged>
  head = 0

  constructor(messages: ReadonlyArray<Flagged>) {
    this.messages = messages
  }
}

/** Under which the messages of a page hold it: so it lives as long as one of them does. */
const pageKey: unique symbol = Symbol("effect-kefu/client/readFlags/page")

interface Entry {
  /** The id of the message, or of the page's first unread one. */
  readonly id: number
  readonly held: WeakRef<Flagged | Page>
}

interface Line {
  /** Every message up to this id is read. */
  mark: number
  /** Unread messages and pages by id; those before `head` have been read. */
  entries: Array<Entry>
  head: number
  /** The number of entries at which those of collected objects are removed. */
  crowded: number
}

/** How many conversations are remembered; the least recently used is forgotten first. */
const maxConversations = 4096

const sparse = 64

export class ReadFlags {
  readonly #lines = new Map<number, Line>()

  /** Sets the flag of a message now if it has been read, otherwise once it is. */
  track(message: Flagged): void {
    if (message.isRead) return
    const line = this.#line(message.conversationId)
    if (message.id <= line.mark) setRead(message)
    else insert(line, { id: message.id, held: new WeakRef(message) })
  }

  /**
   * Tracks the messages of a conversation, in their order, which the client has made. A page is held as one: a WeakRef
   * costs more than all else that is done for a message.
   */
  trackPage(conversationId: number, messages: ReadonlyArray<Flagged>): void {
    const line = this.#line(conversationId)
    const unread: Array<Flagged> = []
    for (const message of messages) {
      const isNext = message.conversationId === conversationId && message.id > (unread.at(-1)?.id ?? line.mark)
      if (isNext && !message.isRead) unread.push(message)
      else this.track(message)
    }
    const [first] = unread
    if (first === undefined) return
    const page = new Page(unread)
    for (const message of unread) Object.defineProperty(message, pageKey, { value: page })
    insert(line, { id: first.id, held: new WeakRef(page) })
  }

  /** Marks all messages of a conversation up to an id as read. */
  mark(conversationId: number, messageId: number): void {
    const line = this.#line(conversationId)
    if (messageId <= line.mark) return
    line.mark = messageId
    const begun: Array<Entry> = []
    for (let entry = line.entries[line.head]; entry !== undefined; entry = line.entries[line.head]) {
      if (entry.id > messageId) break
      line.head++
      const held = entry.held.deref()
      if (held === undefined) continue
      const next = held instanceof Page ? readUpTo(held, messageId) : void setRead(held)
      if (next !== undefined) begun.push({ id: next.id, held: entry.held })
    }
    if (line.head === line.entries.length) {
      line.entries = []
      line.head = 0
    }
    for (const entry of begun) insert(line, entry)
  }

  #line(conversationId: number): Line {
    const line = this.#lines.get(conversationId) ?? { mark: 0, entries: [], head: 0, crowded: sparse }
    remember(this.#lines, conversationId, line, maxConversations)
    return line
  }
}

/** The app may have frozen its message. */
const setRead = (message: Flagged): boolean => Reflect.set(message, "isRead", true)

/** Sets the flags of a page's messages up to an id, and gives the first one after it. */
const readUpTo = (page: Page, messageId: number): Flagged | undefined => {
  for (let message = page.messages[page.head]; message !== undefined; message = page.messages[++page.head]) {
    if (message.id > messageId) return message
    setRead(message)
  }
  return undefined
}

const insert = (line: Line, entry: Entry): void => {
  const last = line.entries.at(-1)
  if (last === undefined || last.id <= entry.id) line.entries.push(entry)
  else line.entries.splice(firstAfter(line, entry.id), 0, entry)
  if (line.entries.length > line.crowded) compact(line)
}

/** The index at which to insert an id among the unread entries. */
const firstAfter = ({ entries, head }: Line, id: number): number => {
  let low = head
  let high = entries.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const entry = entries[middle]
    if (entry !== undefined && entry.id <= id) low = middle + 1
    else high = middle
  }
  return low
}

/** Removes entries that are read or whose object was collected. Amortised: it runs once the entries have doubled. */
const compact = (line: Line): void => {
  line.entries = line.entries.slice(line.head).filter(({ held }) => held.deref() !== undefined)
  line.head = 0
  line.crowded = Math.max(sparse, line.entries.length * 2)
}
