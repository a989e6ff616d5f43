/**
 * The device that a session runs on, which may fall asleep: a laptop with its lid closed, a phone that freezes what is
 * in the background.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"

/**
 * A device.
 *
 * @category models
 * @since 0.1.0
 */
export interface Device {
  /** Puts the device to sleep for so long. */
  readonly sleep: (duration: Duration.Input) => Effect.Effect<void>
  /** Waits until the device is awake. */
  readonly awake: Effect.Effect<void>
  /** How many timers of the device are running. */
  readonly timers: Effect.Effect<number>
  /** Runs something on the device: its timers and what it gets from the network come late if the device sleeps. */
  readonly run: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

/**
 * The device that the present effect runs on; by default one that never sleeps.
 *
 * @category references
 * @since 0.1.0
 */
export const Device = Context.Reference<Pick<Device, "awake">>("effect-kefu/testing/Device", {
  defaultValue: () => ({ awake: Effect.void })
})

/**
 * Makes a device.
 *
 * **Details**
 *
 * While it sleeps, nothing of what runs on it goes on: no timer ends, no frame and no response comes in. Meanwhile the
 * time goes on and the other side knows nothing. On waking everything that is due comes at once, so timers are late.
 *
 * **Gotchas**
 *
 * Build the session on the device too, and drive `TestClock` from outside of `run`.
 *
 * **Example** (A laptop is closed for an hour)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Stream from "effect/Stream"
 * import * as TestClock from "effect/testing/TestClock"
 * import { Realtime } from "effect-kefu/realtime/Realtime"
 * import * as Device from "effect-kefu/testing/Device"
 * import * as TestKefu from "effect-kefu/testing/TestKefu"
 *
 * const test = Effect.gen(function* () {
 *   const laptop = yield* Device.make
 *   const session = Realtime.use(({ states }) => states.pipe(Stream.runForEach(Effect.log)))
 *   yield* session.pipe(Effect.provide(TestKefu.layer()), laptop.run, Effect.forkScoped)
 *   yield* Effect.forkScoped(laptop.sleep("1 hour"))
 *   yield* TestClock.adjust("2 hours")
 * })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: Effect.Effect<Device> = Effect.gen(function* () {
  const base = yield* Clock.Clock
  const latch = Latch.makeUnsafe(true)
  let naps = 0
  let timers = 0

  const sleep = (duration: Duration.Input) =>
    Effect.acquireUseRelease(
      Effect.suspend(() => {
        naps++
        return latch.close
      }),
      () => base.sleep(Duration.fromInputUnsafe(duration)),
      () => Effect.suspend(() => (--naps === 0 ? latch.open : Effect.void))
    )

  const clock: Clock.Clock = {
    currentTimeMillisUnsafe: () => base.currentTimeMillisUnsafe(),
    currentTimeMillis: base.currentTimeMillis,
    currentTimeNanosUnsafe: () => base.currentTimeNanosUnsafe(),
    currentTimeNanos: base.currentTimeNanos,
    monotonicTimeNanosUnsafe: () => base.monotonicTimeNanosUnsafe(),
    monotonicTimeNanos: base.monotonicTimeNanos,
    sleep: (duration) =>
      Effect.acquireUseRelease(
        Effect.sync(() => {
          timers++
        }),
        () => Effect.andThen(base.sleep(duration), latch.await),
        () =>
          Effect.sync(() => {
            timers--
          })
      )
  }

  return {
    sleep,
    awake: latch.await,
    timers: Effect.sync(() => timers),
    run: (effect) =>
      effect.pipe(Effect.provideService(Clock.Clock, clock), Effect.provideService(Device, { awake: latch.await }))
  }
})
