/**
 * The WebSocket as an AsyncAPI 3 document, made of the schemas of its frames. It describes the backend, as the OpenAPI
 * document does: what it receives, a client sends.
 *
 * @since 0.1.0
 */
import * as JsonSchema from "effect/JsonSchema"
import * as Schema from "effect/Schema"
import { ClientFrame, ServerFrame } from "./Frame.ts"

/**
 * A value of JSON.
 *
 * @category models
 * @since 0.1.0
 */
export type Json = null | boolean | number | string | ReadonlyArray<Json> | { readonly [key: string]: Json }

/**
 * An AsyncAPI 3 document.
 *
 * @category models
 * @since 0.1.0
 */
export interface AsyncApi {
  readonly asyncapi: "3.0.0"
  readonly info: { readonly title: string; readonly version: string; readonly description: string }
  readonly defaultContentType: "application/json"
  readonly channels: { readonly [name: string]: Json }
  readonly operations: { readonly [name: string]: Json }
  readonly components: { readonly messages: { readonly [name: string]: Json } }
}

/** What a client says. */
const received: Readonly<Record<ClientFrame["eventType"], string>> = {
  Message: "Sends a message; staff name its recipient.",
  Read: "Marks everything up to a message as read.",
  Inputting: "Shows a draft to the other side as being typed.",
  Ping: "Asks for an ack and nothing else.",
  CloseConversation: "Ends a conversation.",
  Recall: "Recalls an own message.",
  InviteRate: "Staff: invites a visitor to rate.",
  SelectMenuItem: "Visitors: chooses an item of the channel's menu."
}

/** What the backend says. */
const sent: Readonly<Record<Exclude<ServerFrame["eventType"], "Unknown">, string>> = {
  Message: "A message, live.",
  MessageBatch: "Several messages at once, from older backends.",
  Ack: "A frame of the client was carried out. There is no negative ack: what is refused is not acknowledged.",
  Read: "The other side has read everything up to a message.",
  Inputting: "The other side is typing.",
  MultipleLogin: "The account has logged in elsewhere; the connection is closed."
}

const channel = { $ref: "#/channels/socket" }

const keysOf = <Key extends string>(record: Readonly<Record<Key, unknown>>) => Object.keys(record) as Array<Key>

const payloadOf = (frame: Schema.Constraint): Json =>
  JSON.parse(JSON.stringify(JsonSchema.toDocumentDraft07(Schema.toJsonSchemaDocument(frame)).schema)) as Json

/**
 * Makes the document.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (): AsyncApi => {
  const inbound = keysOf(received).map((event) => ({ name: `Client${event}`, event, summary: received[event] }))
  const outbound = keysOf(sent).map((event) => ({ name: `Server${event}`, event, summary: sent[event] }))
  const messages = Object.fromEntries<Json>([
    ...inbound.map(({ event, name, summary }): [string, Json] => [
      name,
      {
        name,
        summary,
        correlationId: { location: "$message.payload#/sequence_id" },
        payload: payloadOf(ClientFrame.cases[event])
      }
    ]),
    ...outbound.map(({ event, name, summary }): [string, Json] => [
      name,
      {
        name,
        summary,
        ...(event === "Ack" && { correlationId: { location: "$message.payload#/payload/sequence_id" } }),
        payload: payloadOf(ServerFrame.cases[event])
      }
    ])
  ])
  const refer = (name: string): Json => ({ $ref: `#/channels/socket/messages/${name}` })
  return {
    asyncapi: "3.0.0",
    info: {
      title: "Customer-service chat",
      version: "0.0.1",
      description:
        "The WebSocket of the backend, one JSON object in each text frame. The backend receives what a client sends. " +
        "Frames of other event types may come and are to be ignored; objects may have further fields."
    },
    defaultContentType: "application/json",
    channels: {
      socket: {
        address: "/api/v1/im/ws",
        description:
          "One connection for each login: a second one ends the first. Sequence ids begin at 1 and grow by 1 with every " +
          "frame of the client, also over reconnections.",
        messages: Object.fromEntries(
          Object.keys(messages).map((name): [string, Json] => [name, { $ref: `#/components/messages/${name}` }])
        ),
        bindings: {
          ws: {
            bindingVersion: "0.1.0",
            method: "GET",
            query: {
              type: "object",
              required: ["token"],
              properties: {
                token: { type: "string", description: "The token of the session." },
                sub_channel_id: { type: "integer", description: "The sub-channel through which a visitor arrived." }
              }
            }
          }
        }
      }
    },
    operations: {
      ...Object.fromEntries(
        inbound.map(({ name, summary }): [string, Json] => [
          `receive${name}`,
          {
            action: "receive",
            channel,
            summary,
            messages: [refer(name)],
            reply: { channel, messages: [refer("ServerAck")] }
          }
        ])
      ),
      ...Object.fromEntries(
        outbound
          .filter(({ event }) => event !== "Ack")
          .map(({ name, summary }): [string, Json] => [
            `send${name}`,
            { action: "send", channel, summary, messages: [refer(name)] }
          ])
      )
    },
    components: { messages }
  }
}
