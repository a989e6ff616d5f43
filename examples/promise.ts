/**
 * A visitor's script with the documented `Client`: promises only, without Effect. Set `KEFU_BASE_URL`, for example to the
 * address that `npm run sandbox` prints.
 */
import { Client } from "../src/Client.ts"

const baseUrl = process.env["KEFU_BASE_URL"] ?? "http://127.0.0.1:8787"
const { data } = await Client.getAnonymousToken({ baseUrl })

await using client = new Client(
  {
    onMessage: (message) => {
      console.log(message.direction === 1 ? "<" : ">", message.messageType, JSON.stringify(message.content))
    },
    onClose: (event) => {
      console.log("closed", event.code, event.willReconnect ? "and will reconnect" : "for good")
    }
  },
  { baseUrl, token: data.token }
)
client.open()

const me = await client.getUserInfo()
console.log("I am", me.data.nickname)

const answered = new Promise<void>((resolve) => {
  client.on("MessageReceived", ({ message }) => {
    if (message.messageType === "RobotCanAnswerMessage") resolve()
  })
})
const sent = await client.sendMessage(client.buildMessage("Text", "多久发货？", 0))
console.log("sent as message", sent.id)
await answered
