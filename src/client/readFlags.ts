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

interface Entry {
  readonly id: number
  readonly message: WeakRef<Flagged>
}

interface Line {
  /** Every message up to this id is read. */
  mark: number
  /** Unread messages by id; those before `head` have been read. */
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
    if (message.id <= line.mark) {
      setRead(message)
      return
    }
    const entry = { id: message.id, message: new WeakRef(message) }
    const last = line.entries.at(-1)
    if (last === undefined || last.id <= entry.id) line.entries.push(entry)
    else line.entries.splice(firstAfter(line, entry.id), 0, entry)
    if (line.entries.length > line.crowded) compact(line)
  }

  /** Marks all messages of a conversation up to an id as read. */
  mark(conversationId: number, messageId: number): void {
    const line = this.#line(conversationId)
    if (messageId <= line.mark) return
    line.mark = messageId
    for (let entry = line.entries[line.head]; entry !== undefined; entry = line.entries[line.head]) {
      if (entry.id > messageId) break
      const message = entry.message.deref()
      if (message !== undefined) setRead(message)
      line.head++
    }
    if (line.head === line.entries.length) {
      line.entries = []
      line.head = 0
    }
  }

  #line(conversationId: number): Line {
    const line = this.#lines.get(conversationId) ?? { mark: 0, entries: [], head: 0, crowded: sparse }
    remember(this.#lines, conversationId, line, maxConversations)
    return line
  }
}

/** The app may have frozen its message. */
const setRead = (message: Flagged): boolean => Reflect.set(message, "isRead", true)

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
  line.entries = line.entries.slice(line.head).filter((entry) => entry.message.deref() !== undefined)
  line.head = 0
  line.crowded = Math.max(sparse, line.entries.length * 2)
}
