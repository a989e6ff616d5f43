/**
 * How far both sides have read a conversation, as message ids. Marks only move forward, but a claim can be withdrawn.
 */
export class ReadMarks {
  /** This account, as far as the backend knows. */
  told = 0
  /** This account, by a read command that is not acknowledged yet. */
  claimed = 0
  /** This account's last message: whoever writes has read. */
  wrote = 0
  /** The last message while a robot served: all of that counts as read. */
  robot = 0
  /** The other side. */
  theirs = 0

  /** Up to which message this account has read. */
  get readUpTo(): number {
    return Math.max(this.told, this.claimed, this.wrote, this.robot)
  }

  /** Up to which message the backend knows, or is being told, that this account has read. */
  get reported(): number {
    return Math.max(this.told, this.claimed)
  }

  /** Whether this account has neither opened the conversation nor written in it. */
  get isUntouched(): boolean {
    return this.reported === 0 && this.wrote === 0
  }

  /** Moves a mark; false if it was there already. */
  advance(mark: "told" | "claimed" | "wrote" | "robot" | "theirs", id: number): boolean {
    if (id <= this[mark]) return false
    this[mark] = id
    return true
  }
}
