import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Socket from "effect/socket/Socket"
import * as SandboxNode from "../../src/sandbox/SandboxNode.ts"
import { chen, makeClient, text } from "./Client.ts"

const dial = (token: string) =>
  Effect.gen(function* () {
    const url = (yield* SandboxNode.baseUrl).replace("http", "ws")
    const socket = yield* Socket.makeWebSocket(`${url}/api/v1/im/ws?token=${token}`)
    const { write } = yield* socket.writer
    const pull = yield* Socket.readerString(socket)
    return makeClient(pull, write, Effect.ignore(write(new Socket.CloseEvent(1000))))
  }).pipe(Effect.provide(Socket.layerWebSocketConstructorGlobal))

layer(Layer.merge(SandboxNode.layer(), NodeHttpClient.layerUndici), { excludeTestServices: true })(
  "SandboxNode",
  (it) => {
    it.effect("speaks over a real socket", () =>
      Effect.gen(function* () {
        const visitor = yield* dial(chen)
        yield* visitor.message(5)
        const { message_id } = yield* visitor.call(101, text("多久发货"))
        assert.isAbove((yield* visitor.message(7)).id, message_id)
      })
    )

    it.effect("serves docs that need no internet", () =>
      Effect.gen(function* () {
        const base = yield* SandboxNode.baseUrl
        const docs = yield* (yield* HttpClient.get(`${base}/docs`)).text
        assert.include(docs, "SwaggerUIBundle")
        assert.notMatch(docs, /<(?:script|link)[^>]+(?:src|href)="https?:/)
        const api = yield* (yield* HttpClient.get(`${base}/openapi.json`)).json
        assert.property(api, "paths")
      })
    )
  }
)
