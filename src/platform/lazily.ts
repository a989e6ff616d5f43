/**
 * Services that are built at their first use: most sessions use a few of them, and a process may hold many sessions.
 */
import * as Effect from "effect/Effect"

/**
 * A service that is built once one of its members is used or listed, so that it can also be spread. Building it must
 * neither wait nor fail.
 */
export const lazily = <Service extends object, R>(
  make: Effect.Effect<Service, never, R>
): Effect.Effect<Service, never, R> =>
  Effect.map(Effect.context<R>(), (context) => {
    let service: Service | undefined
    const built = () => (service ??= Effect.runSyncWith(context)(make))
    return new Proxy({} as Service, {
      get: (_, member) => Reflect.get(built(), member),
      has: (_, member) => Reflect.has(built(), member),
      ownKeys: () => Reflect.ownKeys(built()),
      getOwnPropertyDescriptor: (_, member) => Reflect.getOwnPropertyDescriptor(built(), member)
    })
  })
