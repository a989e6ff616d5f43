/**
 * A web server (Hono) that relays a webhook to a conversation: the shop reports that an order was shipped, and the visitor
 * reads it in the chat. Set `KEFU_BASE_URL`, `KEFU_TOKEN` of a member of staff, `WEBHOOK_SECRET`, and then:
 *
 *     curl http://127.0.0.1:3000/shipped -H "authorization: Bearer $WEBHOOK_SECRET" --json '{"conversationId":7,"order":"A1"}'
 *
 * The status says whether the shop should report it again: 503 yes, everything else no. Otherwise the visitor might read it
 * twice.
 */
import { serve } from "@hono/node-server"
import { Hono } from "hono"
import { bearerAuth } from "hono/bearer-auth"
import { HTTPException } from "hono/http-exception"
import { Client, KefuError } from "../src/Client.ts"

const { KEFU_BASE_URL: baseUrl, KEFU_TOKEN: token, PORT: port = "3000", WEBHOOK_SECRET: secret } = process.env
if (baseUrl === undefined || token === undefined || secret === undefined) {
  throw new Error("Set KEFU_BASE_URL, KEFU_TOKEN and WEBHOOK_SECRET")
}

// A message waits up to 5 seconds for a connection, which is less than the shop's own time limit.
const client = new Client({}, { baseUrl, token, outbox: { lifetime: 5000 } })
client.open()

const isShipment = (body: unknown): body is { conversationId: number; order: string } =>
  typeof body === "object" &&
  body !== null &&
  Number.isSafeInteger(Reflect.get(body, "conversationId")) &&
  typeof Reflect.get(body, "order") === "string"

const app = new Hono()
app.use(bearerAuth({ token: secret }))
app.post("/shipped", async (context) => {
  const body: unknown = await context.req.json()
  if (!isShipment(body)) return context.json({ error: "expected conversationId and order" }, 400)
  const text = `您的订单 ${body.order} 已发货`
  const { id } = await client.sendMessage(client.buildMessage("Text", text, body.conversationId))
  return context.json({ id }, 201)
})
app.onError((error, context) => {
  if (error instanceof HTTPException) return error.getResponse()
  if (error instanceof SyntaxError) return context.json({ error: "expected JSON" }, 400)
  if (!(error instanceof KefuError)) throw error
  // Of these two nobody knows whether the message has arrived, so the shop must not report it again.
  const isUnclear = error.reason._tag === "DeliveryUnknown" || error.reason._tag === "AckTimeout"
  return context.json({ error: error.message }, isUnclear ? 409 : error.isRetryable ? 503 : 422)
})

const server = serve({ fetch: app.fetch, hostname: "127.0.0.1", port: Number(port) }, (address) =>
  console.log(`listening on http://127.0.0.1:${address.port}`)
)
process.once("SIGTERM", () => server.close(() => void client.dispose()))
