/**
 * The types of the domain and of frames: what an editor shows has a name, and a typing error does not compile.
 */
import { expectTypeOf, test } from "vitest"
import type { Client, Message as ClientMessage } from "../../src/Client.ts"
import type { Conversation, ConversationQuery, ConversationState } from "../../src/domain/Conversation.ts"
import type { ConversationEndMessage, ImageMessage, Media, Message, TextMessage } from "../../src/domain/Message.ts"
import type {
  ConversationEndContent,
  MediaContent,
  MessageOf,
  NamelessMessage,
  Plain,
  RobotAnswerContent
} from "../../src/domain/Perspective.ts"
import type { ConversationApi } from "../../src/rest/ConversationApi.ts"
import type {
  AckFrame,
  InputtingFrame,
  MessageBatchFrame,
  MessageFrame,
  MultipleLoginFrame,
  ReadFrame,
  ServerFrame,
  UnknownFrame
} from "../../src/wire/Frame.ts"

declare const api: ConversationApi["Service"]
declare const client: Client
declare const conversation: Conversation

test("a frame from the server is one of the named frames", () => {
  expectTypeOf<ServerFrame>().toEqualTypeOf<
    MessageFrame | MessageBatchFrame | AckFrame | ReadFrame | InputtingFrame | MultipleLoginFrame | UnknownFrame
  >()
  expectTypeOf<Extract<ServerFrame, { readonly eventType: "Message" }>["payload"]>().toEqualTypeOf<Message>()
})

test("a message is one of the named messages", () => {
  expectTypeOf<Extract<Message, { readonly messageType: "Text" }>>().toEqualTypeOf<TextMessage>()
  expectTypeOf<Extract<Message, { readonly messageType: "Image" }>>().toEqualTypeOf<ImageMessage>()
  expectTypeOf<Extract<Message, { readonly messageType: "ConversationEnd" }>>().toEqualTypeOf<ConversationEndMessage>()
})

test("a property that a message does not have does not compile", () => {
  const text = {} as TextMessage
  // @ts-expect-error -- the direction is the inbox's and the façade's
  void text.direction
  const message = {} as Message
  // @ts-expect-error -- it is fromId
  void message.fromID
})

test("the façade's messages have named contents, the same as the domain's without brands", () => {
  expectTypeOf<Extract<ClientMessage, { messageType: "Image" }>>().toEqualTypeOf<MessageOf<"Image">>()
  expectTypeOf<Extract<ClientMessage, { messageType: undefined }>>().toEqualTypeOf<NamelessMessage>()
  expectTypeOf<MessageOf<"Image">["content"]>().toEqualTypeOf<MediaContent>()
  expectTypeOf<MessageOf<"ConversationEnd">["content"]>().toEqualTypeOf<ConversationEndContent>()
  expectTypeOf<MessageOf<"RobotCanAnswerMessage">["content"]>().toEqualTypeOf<RobotAnswerContent | string>()
  expectTypeOf<MediaContent>().toEqualTypeOf<Plain<Media>>()
  type Contents = { [Name in Exclude<Message["messageType"], "Unknown">]: MessageOf<Name>["content"] }
  type Derived = {
    [Name in Exclude<Message["messageType"], "Unknown">]: Plain<
      Extract<Message, { readonly messageType: Name }>["content"]
    >
  }
  expectTypeOf<Contents>().toEqualTypeOf<Derived>()
})

test("a misspelt state or filter does not compile", () => {
  expectTypeOf<ConversationState>().toEqualTypeOf<"ACTIVE" | "PENDING" | "FINISHED" | "">()
  void api.list({ state: "FINISHED", limit: 3 } satisfies ConversationQuery)
  // @ts-expect-error -- it is FINISHED
  void api.list({ state: "FINISHD" })
  // @ts-expect-error -- it is limit
  void api.list({ limits: 3 })
  // @ts-expect-error -- it is ACTIVE
  void (conversation.state === "SERVING")
  // @ts-expect-error -- it is FINISHED
  client.getConversations({ state: "FINISHD" })
})
