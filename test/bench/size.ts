/**
 * Download size: each entry bundled, minified and compressed. `npm run size` fails if one exceeds its budget, which is in
 * `package.json`; `-- --modules 30` also prints the largest modules of each.
 */
import * as Fs from "node:fs"
import * as Path from "node:path"
import { parseArgs } from "node:util"
import * as Zlib from "node:zlib"
import { bundle, modules, root } from "./bundle.ts"

const entries = {
  "Client: connect, listen, send": `
    import { Client } from "./src/Client.ts"
    const client = new Client({ onMessage: console.log }, { token: "t" })
    client.open()
    client.sendMessage(client.buildMessage("Text", "hi", 1), 1)`,
  "Effect API: connect, listen, send": `
    import * as Effect from "effect/Effect"
    import * as Stream from "effect/Stream"
    import * as Kefu from "./src/Kefu.ts"
    import { Realtime } from "./src/realtime/Realtime.ts"
    Effect.runPromise(Effect.provide(Realtime.use((realtime) => Effect.andThen(
      realtime.send({ messageType: "Text", content: "hi" }),
      Stream.runForEach(realtime.events, (event) => Effect.log(event))
    )), Kefu.layer({ baseUrl: "https://chat.example.com", token: "t" })))`,
  "Realtime alone, over its Transport": `
    import * as Layer from "effect/Layer"
    import * as Effect from "effect/Effect"
    import { Credentials } from "./src/http/Credentials.ts"
    import { KefuConfig } from "./src/KefuConfig.ts"
    import { Realtime } from "./src/realtime/Realtime.ts"
    import { Transport } from "./src/http/Transport.ts"
    import * as FetchHttpClient from "effect/http/FetchHttpClient"
    import * as Socket from "effect/socket/Socket"
    Effect.runFork(Effect.provide(Realtime.use((realtime) => realtime.open), Realtime.layer.pipe(
      Layer.provide(Transport.layer), Layer.provide(Credentials.layer("t")), Layer.provide(KefuConfig.layer({})),
      Layer.provide([FetchHttpClient.layer, Socket.layerWebSocketConstructorGlobal]))))`
}

const { values } = parseArgs({ options: { modules: { type: "string", default: "0" } } })

const { sizeBudget } = JSON.parse(Fs.readFileSync(Path.join(root, "package.json"), "utf8")) as {
  readonly sizeBudget: Readonly<Record<string, number>>
}

const kilobytes = (bytes: number) => `${(bytes / 1000).toFixed(1).padStart(6)} kB`

for (const [name, code] of Object.entries(entries)) {
  const bundled = Buffer.from(await bundle(code))
  const gzip = Zlib.gzipSync(bundled, { level: 9 }).length
  const budget = (sizeBudget[name] ?? 0) * 1000
  const sizes = `minified ${kilobytes(bundled.length)}, gzip -9 ${kilobytes(gzip)}, budget ${kilobytes(budget)}`
  console.log(`${name.padEnd(36)} ${sizes}${gzip > budget ? ": EXCEEDED" : ""}`)
  if (gzip > budget) process.exitCode = 1
  for (const [path, bytes] of (await modules(code)).slice(0, Number(values.modules))) {
    console.log(`  ${kilobytes(bytes)}  ${path}`)
  }
}
