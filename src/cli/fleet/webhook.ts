/**
 * Gives the events of a fleet to a webhook, signed as https://www.standardwebhooks.com says: `webhook-signature` is an
 * HMAC-SHA256 over the id, the time and the body.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Base64 from "effect/encoding/Base64"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Mac from "effect/crypto/Mac"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Semaphore from "effect/Semaphore"
import { FleetEvent } from "../../cluster/FleetEvent.ts"
import type { AccountEvent } from "../../cluster/KefuAccount.ts"
import * as retryAfter from "../../http/retryAfter.ts"
import { failure } from "../session.ts"
import type { FleetConfig } from "./config.ts"
import { counted, named } from "./events.ts"

const encode = Schema.encodeEffect(Schema.fromJsonString(FleetEvent))
const utf8 = new TextEncoder()

/** Why a webhook did not take an event; `retryAfterMillis` is the wait that it asked for. */
class WebhookRefused extends Schema.TaggedError<WebhookRefused>("effect-kefu/cli/WebhookRefused")("WebhookRefused", {
  detail: Schema.String,
  retryAfterMillis: Schema.optionalKey(Schema.Finite)
}) {
  override get message() {
    return this.detail
  }
}

/** The bytes of a secret: after `whsec_` they are in Base64. */
const bytesOf = (secret: Redacted.Redacted) => {
  const text = Redacted.value(secret)
  return text.startsWith("whsec_")
    ? Effect.mapError(Effect.fromResult(Base64.decode(text.slice(6))), () =>
        failure("webhook.secret: what follows whsec_ is no Base64")
      )
    : Effect.succeed(utf8.encode(text))
}

/** Posts the events of all accounts. An event has been taken when the answer is a 2xx. */
export const make = Effect.fnUntraced(function* (
  webhook: NonNullable<FleetConfig["webhook"]>,
  accounts: FleetConfig["accounts"]
) {
  const mac = yield* Mac.Mac
  const key = yield* Effect.flatMap(bytesOf(webhook.secret), (bytes) => Mac.key(Mac.hmacSha256, bytes))
  const client = yield* HttpClient.HttpClient
  const addresses = new Map(accounts.map((account) => [account.name, account.webhook ?? webhook.url]))
  const turns = new Map<string, Semaphore.Semaphore>()
  const timeout = webhook.timeout ?? Duration.seconds(15)

  const turnOf = (url: string) => {
    const turn = turns.get(url) ?? Semaphore.makeUnsafe(webhook.concurrency ?? 32)
    turns.set(url, turn)
    return turn
  }

  const post = Effect.fnUntraced(function* (url: string, event: FleetEvent) {
    const body = yield* encode(event)
    const time = Math.floor((yield* Clock.currentTimeMillis) / 1000)
    const tag = yield* mac.sign(key, utf8.encode(`${event.id}.${time}.${body}`))
    const request = HttpClientRequest.post(url).pipe(
      HttpClientRequest.bodyText(body, "application/json"),
      HttpClientRequest.setHeaders({
        "webhook-id": event.id,
        "webhook-timestamp": `${time}`,
        "webhook-signature": `v1,${Base64.encode(tag)}`
      })
    )
    const response = yield* client.execute(request).pipe(
      // A redirected POST would arrive as a GET.
      Effect.provideService(FetchHttpClient.RequestInit, { redirect: "manual" }),
      Effect.provideService(HttpClient.TracerPropagationEnabled, false),
      Effect.mapError(() => new WebhookRefused({ detail: "the webhook cannot be reached" })),
      Effect.timeoutOrElse({
        duration: timeout,
        orElse: () =>
          Effect.fail(new WebhookRefused({ detail: `the webhook did not answer within ${Duration.format(timeout)}` }))
      })
    )
    if (response.status >= 200 && response.status < 300) return
    const retryAfterMillis = yield* retryAfter.parse(response.headers)
    return yield* new WebhookRefused({
      detail: `the webhook answered ${response.status}`,
      ...(retryAfterMillis === undefined ? {} : { retryAfterMillis })
    })
  }, Effect.scoped)

  return Effect.fnUntraced(function* (received: AccountEvent, account: string) {
    const event = named(received, account)
    const url = addresses.get(account) ?? webhook.url
    const result = yield* Effect.result(turnOf(url).withPermit(counted(post(url, event))))
    if (Result.isSuccess(result)) return
    // The cluster waits with a backoff of its own.
    if (result.failure._tag === "WebhookRefused") {
      yield* Effect.sleep(Math.min(result.failure.retryAfterMillis ?? 0, Duration.toMillis("5 minutes")))
    }
    return yield* result.failure
  })
})
