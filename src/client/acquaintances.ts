/**
 * Whose session it is, and whom it has met.
 */
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import type { KefuError } from "../KefuError.ts"
import type { Person, Viewer } from "../domain/Perspective.ts"

/** How many people are remembered; who was met first is forgotten first. */
const remembered = 10_000

export class Acquaintances implements Viewer {
  me: Person | undefined
  readonly users = new Map<number, Person>()
  readonly #lock = Semaphore.makeUnsafe(1)
  readonly #onIntroduced: (me: Person) => void

  constructor(onIntroduced: (me: Person) => void) {
    this.#onIntroduced = onIntroduced
  }

  /** Notes whose session it is. */
  introduce(me: Person): void {
    this.me = me
    this.#onIntroduced(me)
  }

  /** Notes somebody. What is told in passing does not replace what is known. */
  meet(person: Person, inPassing = false): void {
    if (this.users.has(person.id)) {
      if (inPassing) return
      this.users.delete(person.id)
    }
    this.users.set(person.id, person)
    if (this.users.size <= remembered) return
    for (const id of this.users.keys()) {
      this.users.delete(id)
      break
    }
  }

  /** Has it found out whose session it is, once for all who ask, unless it is known. */
  introduced<R>(ask: Effect.Effect<Person, KefuError, R>): Effect.Effect<void, KefuError, R> {
    const unlessKnown = Effect.suspend(() =>
      this.me === undefined ? Effect.map(ask, (me) => this.introduce(me)) : Effect.void
    )
    return Effect.suspend(() => (this.me === undefined ? this.#lock.withPermit(unlessKnown) : Effect.void))
  }
}
