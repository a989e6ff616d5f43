/** DNS and TLS of Node, for `effect-kefu doctor`. */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
// oxlint-disable-next-line no-restricted-imports -- HTTP clients tell nothing about the steps below them
import { lookup } from "node:dns/promises"
// oxlint-disable-next-line no-restricted-imports -- the same
import { isIP } from "node:net"
// oxlint-disable-next-line no-restricted-imports -- the same
import { connect } from "node:tls"
import { Network } from "./doctor.ts"

const timeout = 10_000
const words = (error: unknown) => (error instanceof Error ? error.message : String(error))

export const layer = Layer.succeed(Network, {
  lookup: (host) =>
    Effect.tryPromise({
      try: async () => (await lookup(host.replace(/^\[|\]$/g, ""), { all: true })).map(({ address }) => address),
      catch: words
    }),
  certificate: (host, port) =>
    Effect.callback((resume) => {
      const socket = connect({ host, port, ...(isIP(host) === 0 ? { servername: host } : {}), timeout }, () => {
        const { issuer, valid_to } = socket.getPeerCertificate()
        socket.end()
        const validUntil = Option.match(DateTime.make(valid_to), {
          onNone: () => Infinity,
          onSome: DateTime.toEpochMillis
        })
        resume(Effect.succeed({ issuer: String(issuer.O ?? issuer.CN), validUntil }))
      })
      socket.once("timeout", () => socket.destroy(new Error(`no answer within ${timeout / 1000} seconds`)))
      socket.once("error", (error) => resume(Effect.fail(words(error))))
      return Effect.sync(() => socket.destroy())
    })
})
