/**
 * Keeps `isRead` right on the message objects that the app holds. A read mark costs what it newly covers, however long
 * the history is; objects that the app let go of are not kept.
 */

/** What of a message is looked at and set. */
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
  /** The unread ones, by id; those before `head` are done with. */
  entries: Array<Entry>
  head: number
  /** At how many entries those of vanished objects are looked for. */
  crowded: number
}

/** How many conversations are remembered; the one that was quiet for longest goes first. */
const remembered = 4096

const sparse = 64

export class ReadFlags {
  readonly #lines = new Map<number, Line>()

  /** Sets the flag of a message that the app gets if it is read already, or later once it is. */
  track(message: Flagged): void {
    if (message.isRead) return
    const line = this.#line(message.conversationId)
    if (message.id <= line.mark) {
      message.isRead = true
      return
    }
    const entry = { id: message.id, message: new WeakRef(message) }
    const last = line.entries.at(-1)
    if (last === undefined || last.id <= entry.id) line.entries.push(entry)
    else line.entries.splice(firstAfter(line, entry.id), 0, entry)
    if (line.entries.length > line.crowded) compact(line)
  }

  /** Everything of a conversation up to a message is read. */
  mark(conversationId: number, messageId: number): void {
    const line = this.#line(conversationId)
    if (messageId <= line.mark) return
    line.mark = messageId
    for (let entry = line.entries[line.head]; entry !== undefined; entry = line.entries[line.head]) {
      if (entry.id > messageId) break
      const message = entry.message.deref()
      if (message !== undefined) message.isRead = true
      line.head++
    }
    if (line.head === line.entries.length) {
      line.entries = []
      line.head = 0
    }
  }

  #line(conversationId: number): Line {
    const known = this.#lines.get(conversationId)
    const line = known ?? { mark: 0, entries: [], head: 0, crowded: sparse }
    if (known !== undefined) this.#lines.delete(conversationId)
    this.#lines.set(conversationId, line)
    if (this.#lines.size > remembered) {
      for (const oldest of this.#lines.keys()) {
        this.#lines.delete(oldest)
        break
      }
    }
    return line
  }
}

/** Where an id belongs among the entries that are not done with. */
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

/** Forgets what is done with and what the app let go of. Pays for itself: it waits until the entries have doubled. */
const compact = (line: Line): void => {
  line.entries = line.entries.slice(line.head).filter((entry) => entry.message.deref() !== undefined)
  line.head = 0
  line.crowded = Math.max(sparse, line.entries.length * 2)
}
