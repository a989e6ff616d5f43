/**
 * Promises that nobody has to handle: old apps do not await commands such as `inputting`, and an unhandled rejection ends a
 * Node process.
 */

type Executor<A> = ConstructorParameters<typeof Promise<A>>[0]

/** Makes promises whose rejection is reported if nobody handles it, or what was derived from it by `then`. */
export const guardedPromises = (report: (error: unknown) => void) => {
  class Guarded<A> extends Promise<A> {
    isHandled = false

    // Derived promises are guarded by `then` itself.
    static override get [Symbol.species](): PromiseConstructor {
      return Promise
    }

    // oxlint-disable-next-line unicorn/no-thenable -- a promise, which notes that it is handled
    override then<B = A, C = never>(
      onResolved?: ((value: A) => B | PromiseLike<B>) | null,
      onRejected?: ((reason: unknown) => C | PromiseLike<C>) | null
    ): Promise<B | C> {
      this.isHandled = true
      const derived = super.then(onResolved, onRejected)
      return guard((resolve) => resolve(derived))
    }
  }

  const guard = <A>(executor: Executor<A>): Promise<A> => {
    const guarded = new Guarded<A>(executor)
    Promise.prototype.then.call(guarded, undefined, (error: unknown) => {
      if (!guarded.isHandled) report(error)
    })
    return guarded
  }

  return guard
}
