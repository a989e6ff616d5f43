/**
 * An app from 2020, written for the old client: callbacks, `res.data`, `client.open()` inside `onClose`. Only the import
 * was changed. The first lines replace the address of the page that it would run in. Set `KEFU_BASE_URL`, for example to
 * the address that `npm run sandbox` prints.
 */
Object.assign(globalThis, { location: new URL(process.env["KEFU_BASE_URL"] ?? "http://127.0.0.1:8787") })

import KefuClient, { type Conversation, type Message } from "../src/Client.ts"

const questions = ["多久发货？", "怎么查物流？", "怎么开发票？"]

const page = {
  client: undefined as unknown as KefuClient,
  conversation: { id: 0 } as { id: number; messages?: Array<Message> },
  toId: undefined as number | undefined,
  asked: 0,
  leaving: false,

  // --- callbacks

  onOpen: function () {
    console.log("connected")
    // The old client recovered nothing after a reconnect, so the app reloads its conversation each time.
    page.client
      .getConversations({ state: "ACTIVE", page: 1, limit: 10 })
      .then(function (res) {
        const conversation: Conversation | undefined = res.data.conversations[0]
        if (conversation) page.conversation = conversation
        return page.asked === 0 ? page.ask() : undefined
      })
      .catch(function (error) {
        console.log("failed", error.message)
      })
  },

  onClose: function (event: { code: number }) {
    console.log("disconnected", event.code)
    if (!this.leaving) this.client.open()
  },

  onError: function () {
    console.log("something went wrong")
  },

  onMessage: function (message: Message) {
    if (message.direction !== 1 || message.isSystemMessage) return
    const content = message.content as string | { answer?: string; title?: string }
    console.log(message.nickname + ":", typeof content === "string" ? content : content.answer || content.title)
    if (message.messageType === "RobotCanAnswerMessage") this.answered(message)
  },

  onConversationBuilt: function (conversationId: number, userId: number, nickname: string, userType: string) {
    console.log("conversation with", nickname, userType, userId)
    this.conversation.id = conversationId
    this.toId = userId
  },

  onConversationClosed: function (conversationId: number, reason: number) {
    console.log("conversation over", reason)
    this.leaving = true
    this.client.close()
  },

  onMessageRecall: function () {},
  onManualServiceStart: function () {},
  onStaffBusy: function () {},
  onStaffOffline: function () {},
  onMultipleLogin: function () {},
  onConversationTransfer: function () {},

  // --- actions

  ask: function () {
    const message = this.client.buildMessage("Text", questions[this.asked++] || "", this.conversation.id)
    return this.client.sendMessage(message, this.toId).then(function () {
      console.log("I ask:", message.content)
    })
  },

  answered: function (message: Message) {
    const client = this.client
    client.readMessage(message.id).catch(function () {})
    client
      .likeRobotAnswer(message.id)
      .then(function (res): unknown {
        console.log("liked", res.status)
        if (page.asked < questions.length) return page.ask()
        return client.closeConversation(message.conversationId)
      })
      .catch(function (error) {
        console.log("failed", error.message)
      })
  }
}

KefuClient.getAnonymousToken().then(function (res) {
  page.client = new KefuClient(page, { token: res.data.token, debug: false })
  page.client.getUserInfo().then(function (res) {
    console.log("I am", res.data.nickname, res.data.userType)
    page.client.open()
  })
})
