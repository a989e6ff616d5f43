/**
 * An app for the old client that retries by itself: it gives each send a second, and sends what failed again in `onOpen`.
 * Only the import and the option `outbox: false` are new; with the outbox its second attempt would be a second message.
 * Set `KEFU_BASE_URL`, for example to the address that `npm run sandbox` prints.
 */
import KefuClient from "../src/Client.ts"

const lines = ["在吗？", "我的订单还没到", "麻烦查一下"]
const failed: Array<string> = []
let sent = 0

function say(text: string): Promise<void> {
  const second = new Promise((_, reject) => setTimeout(reject, 1000, new Error("too late")))
  return Promise.race([client.sendMessage(client.buildMessage("Text", text, 0)), second]).then(
    function () {
      console.log("sent", text)
      sent += 1
      if (sent === lines.length) client.close()
    },
    function () {
      console.log("failed", text)
      failed.push(text)
    }
  )
}

const client = new KefuClient(
  {
    onOpen: function () {
      console.log("connected")
      if (sent === 0 && failed.length === 0) lines.slice(0, 1).forEach(say)
      failed.splice(0).forEach(say)
    },
    onClose: function (event) {
      console.log("disconnected", event.code)
      // What the visitor writes meanwhile.
      if (event.code !== 1000 && failed.length === 0) lines.slice(1).forEach(say)
    }
  },
  { baseUrl: process.env["KEFU_BASE_URL"] ?? "http://127.0.0.1:8787", outbox: false }
)

client.open()
