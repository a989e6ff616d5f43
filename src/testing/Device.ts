/**
 * A device that can sleep, such as a laptop with its lid closed or a phone that freezes background apps.
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
  /** Puts the device to sleep for a duration. */
  readonly sleep: (duration: Duration.Input) => Effect.Effect<void>
  /** Waits until the device is awake. */
  readonly awake: Effect.Effect<void>
  /** The number of running timers. */
  readonly timers: Effect.Effect<number>
  /** Runs an effect on the device: while the device sleeps, its timers and network data are delayed. */
  readonly run: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

/**
 * The device of the current effect. Default: one that never sleeps.
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
 * While the device sleeps, no timer ends and no frame or response arrives; time passes, and the other side notices
 * nothing. On waking, everything that is due happens at once, so timers are late.
 *
 * **Gotchas**
 *
 * Build the session inside `run` too, and adjust `TestClock` outside of it.
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
