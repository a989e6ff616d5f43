/** Empty projects that install the package, and what runs in each. */
export interface Project {
  /** What it installs beside the package and `effect`. */
  readonly needs: ReadonlyArray<string>
  /** Tools that this repository does not have, by version. */
  readonly tools?: Readonly<Record<string, string>>
  readonly commonJs?: boolean
  readonly files: Readonly<Record<string, unknown>>
  /**
   * Node's arguments. A program in `node_modules/` is a tool of the project or of this repository; the last step prints
   * what it sent.
   */
  readonly steps: ReadonlyArray<readonly [path: string, ...args: ReadonlyArray<string>]>
}

/** A visitor who says something. */
const visit = `
const { data } = await Client.getAnonymousToken({ baseUrl })
const client = new Client({}, { baseUrl, token: data.token })
client.open()
const message = await client.sendMessage(client.buildMessage("Text", "你好", 0))
console.log("sent as message", message.id)
client.dispose()
`
const fromEnvironment = `const baseUrl = process.env.KEFU_BASE_URL`

const effectProgram = `
import * as Effect from "effect/Effect"
import { Kefu, Outbox } from "effect-kefu"
import { Sandbox } from "effect-kefu/sandbox"
import { TestKefu } from "effect-kefu/testing"
import { Client } from "effect-kefu/Client"
import * as Id from "effect-kefu/domain/Id"

const send = Outbox.use((outbox) => outbox.send({ messageType: "Text", content: "你好" }))
const sent = await Effect.runPromise(send.pipe(Effect.provide(Kefu.layerConfig())))
console.log(sent.state._tag === "Sent" ? \`sent as message \${sent.state.id}\` : sent.state._tag)
const tested = await Effect.runPromise(
  Effect.andThen(send, Sandbox.use((sandbox) => sandbox.counters)).pipe(Effect.provide(TestKefu.layer()))
)
console.log(tested.requests, Client.name, Id.MessageId.make(7))
`

const typeScript = (module: string, moduleResolution: string): Project => ({
  needs: ["@types/node"],
  files: {
    "tsconfig.json": {
      compilerOptions: {
        target: "ES2022",
        lib: ["ES2023", "ESNext.Disposable", "DOM", "DOM.Iterable"],
        types: ["node"],
        module,
        moduleResolution,
        strict: true,
        exactOptionalPropertyTypes: true,
        skipLibCheck: false,
        outDir: "out"
      },
      include: ["main.ts"]
    },
    "main.ts": effectProgram
  },
  steps: [["node_modules/typescript/bin/tsc"], ["out/main.js"]]
})

/** A page without a configuration of its bundler. */
const page = `
import Client from "effect-kefu/Client"
const { env } = process
const baseUrl = env.KEFU_BASE_URL
const main = async () => {${visit}}
main()
`

export const projects: Readonly<Record<string, Project>> = {
  javascript: {
    needs: [],
    files: { "main.js": `import { Client } from "effect-kefu/Client"\n${fromEnvironment}\n${visit}` },
    steps: [["main.js"]]
  },
  commonjs: {
    needs: ["@effect/platform-node"],
    commonJs: true,
    files: {
      "main.js": `
const { Client } = require("effect-kefu/Client")
const { Realtime } = require("effect-kefu")
const { startSandbox } = require("effect-kefu/testing/PromiseSandbox")
const visit = async (baseUrl) => {${visit}}
const main = async () => {
  const sandbox = await startSandbox()
  await visit(sandbox.baseUrl)
  await sandbox.close()
  if (Realtime === undefined) throw new Error("no Realtime")
}
main()
`
    },
    steps: [["main.js"]]
  },
  nodenext: typeScript("nodenext", "nodenext"),
  bundler: typeScript("esnext", "bundler"),
  vite: {
    needs: [],
    files: {
      "index.html": `<!doctype html><script type="module" src="/main.js"></script>`,
      "main.js": `import Client from "effect-kefu/Client"\nconst { env } = process\nconst baseUrl = env.KEFU_BASE_URL\n${visit}`,
      "vite.config.js": `export default {
  build: { target: "es2022", modulePreload: false, rollupOptions: { output: { entryFileNames: "page.js" } } }
}`
    },
    steps: [["node_modules/vite/bin/vite.js", "build", "--logLevel", "warn"], ["dist/page.js"]]
  },
  webpack: {
    needs: [],
    tools: { webpack: "5.113.0", "webpack-cli": "7.3.1" },
    files: { "src/index.js": page },
    steps: [["node_modules/webpack-cli/bin/cli.js"], ["dist/main.js"]]
  },
  esbuild: {
    needs: [],
    tools: { esbuild: "0.28.2" },
    files: {
      "main.js": page,
      "build.js": `
import { build } from "esbuild"
await build({ entryPoints: ["main.js"], bundle: true, outfile: "dist/main.js" })
`
    },
    steps: [["build.js"], ["dist/main.js"]]
  },
  rollup: {
    needs: [],
    tools: { rollup: "4.68.8", "@rollup/plugin-node-resolve": "16.0.3" },
    files: { "main.js": page },
    steps: [
      [
        "node_modules/rollup/dist/bin/rollup",
        "main.js",
        "--file",
        "dist/main.js",
        "--plugin",
        "node-resolve",
        "--silent"
      ],
      ["dist/main.js"]
    ]
  }
}
