/**
 * Promises that nobody has to handle: old apps do not await commands such as `inputting`, and an unhandled rejection ends a
 * Node process.
 */

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
      return guard(super.then(onResolved, onRejected))
    }
  }

  const guard = <A>(promise: Promise<A>): Promise<A> => {
    const guarded = new Guarded<A>((resolve) => resolve(promise))
    Promise.prototype.then.call(guarded, undefined, (error: unknown) => {
      if (!guarded.isHandled) report(error)
    })
    return guarded
  }

  return guard
}
