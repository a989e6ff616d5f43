/**
 * The façade's types, as apps see them.
 */
import { expectTypeOf, test } from "vitest"
import DefaultClient, {
  Client,
  type ClientEvent,
  type ClientHandler,
  type ClientInbox,
  type ClientResponse,
  type Conversation,
  type ConversationPage,
  type ConnectionState,
  type KefuErrorReason,
  KefuError,
  type Message,
  type MessageOf,
  type SendableType,
  type UploadedFile,
  type User
} from "../../src/Client.ts"

declare const client: Client

test("the class is there by name and as the default", () => {
  expectTypeOf(DefaultClient).toEqualTypeOf(Client)
})

test("every part of the handler and every option may be left out, and a misspelt one does not compile", () => {
  void new Client()
  void new Client({})
  void new Client({ onMessage() {} }, { debug: true })
  // @ts-expect-error -- a misspelt callback
  void new Client({ onMesage() {} })
  // @ts-expect-error -- a misspelt option
  void new Client({}, { tokn: "t" })
  // @ts-expect-error -- a token is text
  void new Client({}, { token: 5 })
  void new Client({}, { token: () => "t" })
  void new Client({}, { token: async () => "t", retry: 3, reconnect: false, storage: localStorage })
  void new Client({}, { storage: { getItem: async () => null, setItem: async () => {}, removeItem: async () => {} } })
})

test("an app that was typed from the old documentation compiles; see examples/typed-app.ts", () => {
  interface Documented {
    id: number
    fromId: number
    nickname: string
    content: string | object
    createdAt: number
    direction: number
    messageType: "Text" | "Image" | "Video" | "Attachment"
    isRead: boolean
    conversationId: number
  }
  void new Client(
    {
      onOpen: (_: Event) => {},
      onClose: (_: CloseEvent) => {},
      onError: (_: Event) => {},
      onMessage(_: Documented) {}
    },
    { token: localStorage.getItem("token") }
  )
  // @ts-expect-error -- an event is no text
  void new Client({ onOpen: (_: string) => {} })
  // @ts-expect-error -- a message is no text
  void new Client({ onMessage: (_: string) => {} })
  const build = (type: Documented["messageType"], content: string | object): Documented =>
    client.buildMessage(type, content, 3)
  const send = (toId: number | null): Promise<void> => client.sendMessage(client.buildMessage("Text", "你好", 3), toId)
  const read = (id: number): Promise<void> => client.readMessage(id)
  // @ts-expect-error -- the acknowledgement is no text
  const wrong = (id: number): Promise<string> => client.readMessage(id)
  const upload = (file: File, report: (event: ProgressEvent) => void) => client.uploadBlobs(file, report)
  expectTypeOf([build, send, read, wrong, upload]).toBeArray()
  expectTypeOf(client.buildMessage("Image", {} as object, 3).messageType).toEqualTypeOf<"Image">()
  // @ts-expect-error -- an image has a url
  client.buildMessage("Image", { filename: "x.png" }, 3)
  interface Filter {
    limit?: number
  }
  expectTypeOf(client.getConversations).toBeCallableWith({ limit: 3 } as Filter)
})

test("callbacks have the documented arguments", () => {
  const handler: ClientHandler = {
    onOpen: ({ reconnected, type }) => {
      expectTypeOf(type).toEqualTypeOf<"open">()
      expectTypeOf(reconnected).toBeBoolean()
    },
    onClose: ({ code, error, reason, wasClean, willReconnect }) => {
      expectTypeOf(code).toBeNumber()
      expectTypeOf(reason).toBeString()
      expectTypeOf([wasClean, willReconnect]).toEqualTypeOf<Array<boolean>>()
      expectTypeOf(error).toEqualTypeOf<KefuError | undefined>()
    },
    onError: ({ error, message }) => {
      expectTypeOf(error).toBeUnknown()
      expectTypeOf(message).toBeString()
    },
    onMessage: (message) => expectTypeOf(message).toEqualTypeOf<Message>(),
    onConversationBuilt: (conversationId, userId, nickname, userType) => {
      expectTypeOf([conversationId, userId]).toEqualTypeOf<Array<number>>()
      expectTypeOf([nickname, userType]).toEqualTypeOf<Array<string>>()
    },
    onConversationClosed: (...args) => expectTypeOf(args).toEqualTypeOf<[conversationId: number, reason: number]>(),
    onMessageRecall: (...args) => expectTypeOf(args).toEqualTypeOf<[conversationId: number, messageId: number]>(),
    onManualServiceStart: (...args) => expectTypeOf(args).toEqualTypeOf<[]>(),
    onStaffBusy: (...args) => expectTypeOf(args).toEqualTypeOf<[]>(),
    onStaffOffline: (...args) => expectTypeOf(args).toEqualTypeOf<[]>(),
    onMultipleLogin: (...args) => expectTypeOf(args).toEqualTypeOf<[]>(),
    onConversationTransfer: (...args) => expectTypeOf(args).toEqualTypeOf<[conversationId: number]>(),
    onInputting: (...args) => expectTypeOf(args).toEqualTypeOf<[content: string, conversationId: number]>(),
    onStaffTimeout: async (...args) => expectTypeOf(args).toEqualTypeOf<[conversationId: number]>()
  }
  void new Client(handler)
})

test("a message is told apart by its type", () => {
  const show = (message: Message) => {
    expectTypeOf(message.direction).toEqualTypeOf<0 | 1>()
    expectTypeOf(message.id).toEqualTypeOf<number>()
    switch (message.messageType) {
      case "Text":
        return expectTypeOf(message.content).toEqualTypeOf<string>()
      case "Image":
        expectTypeOf(message.content.url).toEqualTypeOf<string>()
        return expectTypeOf(message.content["anything"]).toBeUnknown()
      case "ConversationEnd":
        return expectTypeOf(message.content.reason).toEqualTypeOf<number>()
      case undefined:
        return expectTypeOf(message.content).toBeUnknown()
      // @ts-expect-error -- no such type
      case "Texts":
        return undefined
    }
    return undefined
  }
  expectTypeOf(show).toBeFunction()
})

test("what is built fits its type, and can be sent and changed", () => {
  const text = client.buildMessage("Text", "你好", 3)
  expectTypeOf(text).toEqualTypeOf<MessageOf<"Text">>()
  text.id = 5
  text.isRead = true
  expectTypeOf(client.sendMessage(text, 5)).resolves.toEqualTypeOf<MessageOf<"Text">>()
  const media = client.buildMessage("Image", { url: "u", filename: "x.png", freeField: 1 }, 3)
  expectTypeOf<SendableType>().toExtend<string>()
  const message: Message = media
  client.sendMessage(message)
  // @ts-expect-error -- text is no object
  client.buildMessage("Text", { url: "u" }, 3)
  // @ts-expect-error -- an image has a url
  client.buildMessage("Image", {}, 3)
  // @ts-expect-error -- nobody sends this
  client.buildMessage("ConversationEnd", { reason: 1 }, 3)
})

test("REST methods resolve to { data, status, headers }, socket methods to the acknowledgement", () => {
  expectTypeOf(client.getUserInfo()).resolves.toEqualTypeOf<ClientResponse<User>>()
  expectTypeOf(client.getConversations({ state: "ACTIVE", page: 1, anything: [1] })).resolves.toEqualTypeOf<
    ClientResponse<ConversationPage>
  >()
  expectTypeOf<ConversationPage["conversations"]>().toEqualTypeOf<Array<Conversation>>()
  expectTypeOf<Conversation["messages"]>().toEqualTypeOf<Array<Message>>()
  expectTypeOf<Conversation["users"][5]>().toExtend<User>()
  expectTypeOf<Conversation["unreadCount"]>().toEqualTypeOf<number>()
  expectTypeOf<Conversation["id"]>().toEqualTypeOf<number>()
  expectTypeOf(client.getCurrentConversationList()).resolves.toEqualTypeOf<ClientResponse<Array<Conversation>>>()
  expectTypeOf(client.readMessage(5)).resolves.toHaveProperty("sequenceId")
  expectTypeOf(
    client.uploadBlobs(new File([], "a"), ({ loaded, total }) => loaded / total)
  ).resolves.toEqualTypeOf<UploadedFile>()
  expectTypeOf(Client.getAnonymousToken({ baseUrl: "https://chat.test" })).resolves.toExtend<{
    readonly data: { token: string }
  }>()
  client.updateMyProfile({ nickname: "明", anything: { nested: true } })
  interface Own {
    readonly nickname?: string
    readonly name?: string
    readonly title?: string
    readonly content?: string
    readonly userId?: number
    readonly department?: string
  }
  const own: Own = { nickname: "明", department: "售后" }
  client.updateMyProfile(own)
  client.updateUserProfile(3, own)
  client.addCustomerTag(3, own)
  client.addQuickReply(own)
  client.editQuickReply(3, own)
  client.conversationTransfer(3, own)
  interface Wrong {
    readonly nickname: number
  }
  const wrong: Wrong = { nickname: 5 }
  // @ts-expect-error -- a nickname is text, also in an interface of the app
  client.updateMyProfile(wrong)
  // @ts-expect-error -- a nickname is text
  client.updateMyProfile({ nickname: 5 })
  // @ts-expect-error -- an order is DESC or ASC
  client.getConversations({ order: "UP" })
  // @ts-expect-error -- an id is a number
  client.getConversationById("3")
  client.rateStaff(5, undefined, [1] as const)
})

test("every call takes a signal and a timeout, last", () => {
  const options = { signal: new AbortController().signal, timeout: 500 }
  client.getUserInfo(options)
  client.getConversations(undefined, options)
  client.getHotFaqs(1, 10, 1, options)
  client.rateStaff(5, "", [], options)
  client.inputting("", 3, 5, options)
  client.uploadBlobs(new Blob(), undefined, options)
  Client.getAnonymousToken(options)
  // @ts-expect-error -- misspelt
  client.getUserInfo({ timeOut: 5 })
})

test("events are known by name, and a misspelt one does not compile", () => {
  const stop = client.on("MessageReceived", ({ message, recovered }) => {
    expectTypeOf(message).toEqualTypeOf<Message>()
    expectTypeOf(recovered).toBeBoolean()
  })
  expectTypeOf(stop).toEqualTypeOf<() => void>()
  client.on("StateChanged", ({ state }) => {
    expectTypeOf(state).toEqualTypeOf<ConnectionState>()
    if (state._tag === "Waiting") expectTypeOf(state.retryAt).toBeNumber()
  })
  client.on("Resynced", ({ conversations }) => expectTypeOf(conversations).toEqualTypeOf<Array<Conversation>>())
  client.on("MessagesRead", (event) => expectTypeOf(event.conversationId).toEqualTypeOf<number>())
  // @ts-expect-error -- a misspelt event
  client.on("MesageReceived", () => {})
  expectTypeOf(client.events()).toEqualTypeOf<AsyncIterableIterator<ClientEvent>>()
  expectTypeOf(client).toExtend<AsyncIterable<ClientEvent> & AsyncDisposable>()
})

test("the state and the inbox are plain data", () => {
  expectTypeOf(client.state).toEqualTypeOf<ConnectionState>()
  expectTypeOf(client.inbox).toEqualTypeOf<ClientInbox>()
  expectTypeOf(client.inbox.getSnapshot().conversations[0]?.id).toEqualTypeOf<number | undefined>()
  expectTypeOf(client.inbox.getSnapshot().users.get(5)?.nickname).toEqualTypeOf<string | null | undefined>()
})

test("an error tells why", () => {
  const why = (error: unknown) => {
    if (!(error instanceof KefuError)) return
    expectTypeOf(error.reason).toEqualTypeOf<KefuErrorReason>()
    expectTypeOf(error.isRetryable).toBeBoolean()
    expectTypeOf(error.response?.status).toEqualTypeOf<number | undefined>()
    if (error.reason._tag === "RateLimited")
      expectTypeOf(error.reason.retryAfterMillis).toEqualTypeOf<number | undefined>()
  }
  expectTypeOf(why).toBeFunction()
})
