/**
 * The adapters of the READMEs in a page, with the real frameworks.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Path from "node:path"
import type { Browser } from "puppeteer-core"
import { rolldown } from "rolldown"
import { compile } from "svelte/compiler"
import { startSandbox } from "../../src/testing/PromiseSandbox.ts"
import { readmes, root } from "../support/Readme.ts"
import * as Browsers from "./support/Browser.ts"
import * as Site from "./support/Site.ts"
import * as Tab from "./support/Tab.ts"

/** The snippet of a README that imports this module. */
const snippet = (readme: string, imported: string): string => {
  const blocks = readmes.find(({ name }) => name === readme)?.blocks ?? []
  const found = blocks.find(({ code }) => code.includes(`from "${imported}"`))
  assert(found !== undefined, `${readme} has no block that imports ${imported}`)
  return found.code
}

/** What each app says and shows: the texts of the conversation, and how many are unread. */
const chat = `
import { Client } from "effect-kefu/Client"
const query = new URLSearchParams(location.search)
window.sockets = []
export const options = {
  baseUrl: query.get("backend"),
  token: query.get("token"),
  webSocket: (url) => {
    const socket = new WebSocket(url)
    window.sockets.push(socket)
    return socket
  }
}
export const texts = ({ conversations }) =>
  conversations.flatMap(({ messages }) => messages).filter(({ message }) => message.messageType === "Text")
    .map(({ key, message }) => ({ key, content: message.content }))
export const say = (client) => client.sendMessage(client.buildMessage("Text", "多久发货", 0))
`

const apps = {
  React: {
    imported: "react",
    modules: {
      "main.js": `
import { createElement as h, StrictMode, useState } from "react"
import { createRoot } from "react-dom/client"
import { useClient, useInbox } from "./adapter.ts"
import { options, say, texts } from "./chat.js"
const Chat = () => {
  const client = useClient(options)
  const inbox = useInbox(client)
  return h("section", null,
    h("ul", null, texts(inbox).map(({ content, key }) => h("li", { key }, content))),
    h("button", { id: "say", onClick: () => say(client) }, "Say"))
}
const App = () => {
  const [isShown, show] = useState(true)
  return h("main", null,
    h("button", { id: "toggle", onClick: () => show(!isShown) }, "Toggle"), isShown ? h(Chat) : null)
}
createRoot(document.body).render(h(StrictMode, null, h(App)))
`
    }
  },
  Vue: {
    imported: "vue",
    modules: {
      "main.js": `
import { Client } from "effect-kefu/Client"
import { createApp, h } from "vue"
import { useInbox } from "./adapter.ts"
import { options, say, texts } from "./chat.js"
const Chat = {
  props: ["client"],
  setup: ({ client }) => {
    const inbox = useInbox(client)
    return () => h("ul", texts(inbox.value).map(({ content, key }) => h("li", { key }, content)))
  }
}
createApp({
  data: () => ({ client: new Client({}, options), isShown: true }),
  render() {
    return h("main", [
      h("button", { id: "toggle", onClick: () => {
        this.isShown = !this.isShown
        if (this.isShown) this.client.open()
        else this.client.close()
      } }, "Toggle"),
      this.isShown ? h("section", [
        h(Chat, { client: this.client }),
        h("button", { id: "say", onClick: () => say(this.client) }, "Say")
      ]) : null
    ])
  }
}).mount(document.body)
`
    }
  },
  Svelte: {
    imported: "svelte/store",
    modules: {
      "main.js": `
import { mount } from "svelte"
import App from "./App.svelte"
mount(App, { target: document.body })
`,
      "App.svelte": `
<script>
  import { Client } from "effect-kefu/Client"
  import { inboxStore } from "./adapter.ts"
  import { options, say, texts } from "./chat.js"
  const client = new Client({}, options)
  const inbox = inboxStore(client)
  let isShown = $state(true)
  const toggle = () => {
    isShown = !isShown
    if (isShown) client.open()
    else client.close()
  }
</script>
<main>
  <button id="toggle" onclick={toggle}>Toggle</button>
  {#if isShown}
    <section>
      <ul>{#each texts($inbox) as { content, key } (key)}<li>{content}</li>{/each}</ul>
      <button id="say" onclick={() => say(client)}>Say</button>
    </section>
  {/if}
</main>
`
    }
  }
} as const

/** Bundles an app whose modules are given as text, as if they stood at the root of the repository. */
const bundle = async (modules: Readonly<Record<string, string>>): Promise<string> => {
  const build = await rolldown({
    input: "./main.js",
    platform: "browser",
    transform: {
      define: {
        "import.meta": "{}",
        "process.env.NODE_ENV": '"development"',
        __VUE_OPTIONS_API__: "true",
        __VUE_PROD_DEVTOOLS__: "false",
        __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: "false"
      }
    },
    plugins: [
      {
        name: "modules",
        resolveId: (id) => {
          if (id.slice(2) in modules) return Path.join(root, id)
          return id.startsWith("effect-kefu/") ? Path.join(root, `${id.replace("effect-kefu", "src")}.ts`) : undefined
        },
        load: (id) => {
          const code = modules[Path.relative(root, id)]
          return code !== undefined && id.endsWith(".svelte")
            ? { code: compile(code, { generate: "client" }).js.code, moduleType: "js" }
            : code
        }
      }
    ]
  })
  const { output } = await build.generate({ format: "iife" })
  await build.close()
  return output[0].code
}

declare global {
  interface Window {
    sockets: Array<WebSocket>
  }
}

const openSockets = (tab: Tab.Tab) =>
  tab.page.evaluate(() => window.sockets.filter(({ readyState }) => readyState <= WebSocket.OPEN).length)

describe("the adapters of the READMEs", () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await Browsers.start("chrome")
  })
  afterAll(() => browser?.close())

  it("are the same in both", () => {
    for (const { imported } of Object.values(apps)) {
      assert.strictEqual(snippet("README.zh-CN.md", imported), snippet("README.md", imported))
    }
  })

  for (const [name, { imported, modules }] of Object.entries(apps)) {
    it(`show the chat in ${name}, over one connection, also after the component has gone and come back`, async () => {
      await using sandbox = await startSandbox()
      const { token } = await sandbox.createVisitor()
      const script = await bundle({ "chat.js": chat, "adapter.ts": snippet("README.md", imported), ...modules })
      await using site = await Site.serve({
        "/app": {
          type: "text/html",
          body: `<!doctype html><html lang="en"><meta charset="utf-8"><link rel="icon" href="data:,">
            <title>${name}</title><body></body><script src="/app.js"></script></html>`
        },
        "/app.js": { type: "text/javascript", body: script }
      })
      const query = new URLSearchParams({ backend: sandbox.baseUrl, token })
      await using visitor = await Tab.open(browser, `${site.origin}/app?${query}`)
      const shows = (count: string) =>
        visitor.until((count) => {
          const texts = [...document.querySelectorAll("li")].map(({ textContent }) => textContent)
          return texts.join() === Array(Number(count)).fill("多久发货").join()
        }, count)
      const click = (id: string) => visitor.page.click(`#${id}`)
      await visitor.until(() => document.querySelector("#say") !== null)
      await click("say")
      await shows("1")
      assert.strictEqual(await openSockets(visitor), 1)
      await click("toggle")
      await visitor.until(() => window.sockets.every(({ readyState }) => readyState > WebSocket.OPEN))
      assert.isNull(await visitor.page.$("ul"))
      await click("toggle")
      await visitor.until(() => document.querySelector("#say") !== null)
      await click("say")
      await shows("2")
      assert.strictEqual(await openSockets(visitor), 1)
      const [conversation] = (await sandbox.conversations()).filter(({ messages }) =>
        messages?.some(({ content }) => content === "多久发货")
      )
      const sent = conversation?.messages?.filter(({ content }) => content === "多久发货")
      assert.strictEqual(sent?.length, 2)
    })
  }
})
