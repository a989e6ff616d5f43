/**
 * An app for the old client in TypeScript. Its types are those of the old client's documentation. Only the import was
 * changed. Set `KEFU_BASE_URL`, for example to the address that `npm run sandbox` prints.
 */
Object.assign(globalThis, { location: new URL(process.env["KEFU_BASE_URL"] ?? "http://127.0.0.1:8787") })

// oxlint-disable-next-line import/no-named-as-default -- as apps import it
import Client from "../src/Client.ts"

type MessageType = "Text" | "Image" | "Video" | "Attachment"

interface Message {
  id: number
  fromId: number
  nickname: string
  content: string | object
  createdAt: number
  direction: number
  messageType: MessageType
  isRead: boolean
  conversationId: number
}

interface Filter {
  state?: "ACTIVE" | "PENDING" | "FINISHED"
  page?: number
  limit?: number
  search?: string
  begin_at?: number
  end_at?: number
  order?: "DESC" | "ASC"
  customer_id?: number
  show_all?: boolean
}

interface Handler {
  onOpen: (event: Event) => void
  onClose: (event: CloseEvent) => void
  onError: (event: Event) => void
  onMessage: (message: Message) => void
  onConversationBuilt: (conversationId: number, userId: number, nickname: string, userType: string) => void
  onConversationClosed: (conversationId: number, reason: number) => void
  onMessageRecall: (conversationId: number, messageId: number) => void
  onManualServiceStart: () => void
  onStaffBusy: () => void
  onStaffOffline: () => void
  onMultipleLogin: () => void
  onConversationTransfer: (conversationId: number) => void
  onInputting: (content: string, conversationId: number) => void
}

const settled = (name: string, call: Promise<unknown>): Promise<void> =>
  call.then(
    () => console.log(name, "done"),
    (error) => console.log(name, error.response ? error.response.status : error.message)
  )

class Desk implements Handler {
  readonly client: Client
  readonly name: string
  conversationId = 0
  toId: number | null = null
  onAnswer: (message: Message) => void = () => {}

  constructor(name: string, token: string | null) {
    this.name = name
    this.client = new Client(this, { token, subChannelId: 0, debug: false })
  }

  onOpen = (event: Event): void => console.log(this.name, event.type)
  onClose = (event: CloseEvent): void => console.log(this.name, event.type, event.code, event.reason, event.wasClean)
  onError = (event: Event): void => console.log(this.name, event.type)
  onMessage = (message: Message): void => {
    if (message.direction === 1) this.onAnswer(message)
  }
  onConversationBuilt = (conversationId: number, userId: number, nickname: string, userType: string): void => {
    console.log(this.name, "talks with", nickname, userType)
    this.conversationId = conversationId
    this.toId = userId
  }
  onConversationClosed = (_conversationId: number, reason: number): void => console.log(this.name, "closed", reason)
  onMessageRecall = (_conversationId: number, messageId: number): void =>
    console.log(this.name, "recalled", messageId > 0)
  onManualServiceStart = (): void => console.log(this.name, "is served")
  onStaffBusy = (): void => console.log(this.name, "waits")
  onStaffOffline = (): void => console.log(this.name, "finds nobody")
  onMultipleLogin = (): void => console.log(this.name, "was logged out")
  onConversationTransfer = (_conversationId: number): void => console.log(this.name, "was transferred")
  onInputting = (_content: string, _conversationId: number): void => {}

  start(): void {
    if (!this.client.isOpened() && !this.client.isConnecting()) this.client.open()
  }

  build(type: MessageType, content: string | object): Message {
    return this.client.buildMessage(type, content, this.conversationId)
  }

  async say(type: MessageType, content: string | object): Promise<Message> {
    const message = this.build(type, content)
    await this.send(message)
    return message
  }

  send(message: Message): Promise<void> {
    return this.client.sendMessage(message, this.toId)
  }

  recall(message: Message): Promise<void> {
    return this.client.recallMessage(message.id)
  }

  read(message: Message): Promise<void> {
    return this.client.readMessage(message.id)
  }

  type(content: string): Promise<void> {
    return this.client.inputting(content, this.conversationId, this.toId)
  }

  upload(file: File, onUploadProgress: (event: ProgressEvent) => void): Promise<{ url: string }> {
    return this.client.uploadBlobs(file, onUploadProgress)
  }

  leave(): Promise<void> {
    return this.client.closeConversation(this.conversationId)
  }

  invite(userId: number): Promise<void> {
    return this.client.inviteRate(userId)
  }

  choose(menuItemId: number): Promise<void> {
    return this.client.selectMenuItem(menuItemId)
  }

  async conversations(filter: Filter): Promise<number> {
    const { data } = await this.client.getConversations(filter)
    return data.conversations.length
  }
}

const visit = async (): Promise<Desk> => {
  const { data } = await Client.getAnonymousToken()
  const visitor = new Desk("visitor", data.token)
  visitor.start()
  const answered = new Promise<Message>((resolve) => (visitor.onAnswer = resolve))
  const question = await visitor.say("Text", "多久发货？")
  console.log("asked", question.id > 0, question.content)
  const answer = await answered
  const { client } = visitor
  await settled("readMessage", visitor.read(answer))
  await settled("inputting", visitor.type("谢"))
  await settled("getUserInfo", client.getUserInfo())
  await settled("updateMyProfile", client.updateMyProfile({ nickname: "明" }))
  console.log("conversations", await visitor.conversations({ state: "ACTIVE", page: 1, limit: 10, order: "DESC" }))
  await settled("getConversationById", client.getConversationById(visitor.conversationId))
  await settled("getVisitInfo", client.getVisitInfo(visitor.conversationId))
  await settled("getPendingCount", client.getPendingCount())
  await settled("getPendingPosition", client.getPendingPosition(visitor.conversationId))
  await settled("getSuggestions", client.getSuggestions("发货"))
  await settled("likeRobotAnswer", client.likeRobotAnswer(answer.id))
  await settled("dislikeRobotAnswer", client.dislikeRobotAnswer(answer.id))
  const progress: Array<number> = []
  const { url } = await visitor.upload(new File(["kitten"], "cat.png", { type: "image/png" }), ({ loaded, total }) => {
    progress.push(loaded / total)
  })
  console.log("uploaded", progress.at(-1))
  const picture = await visitor.say("Image", { url, filename: "cat.png" })
  await settled("recallMessage", visitor.recall(picture))
  await settled("rateStaff", client.rateStaff(5))
  await settled("selectMenuItem", visitor.choose(1))
  return visitor
}

const serve = async (visitor: Desk): Promise<void> => {
  const staff = new Desk("staff", "staff-emma-token")
  staff.start()
  const { client } = staff
  const { data: me } = await visitor.client.getUserInfo()
  await settled("getQuickReply", client.getQuickReply())
  await settled("addQuickReply", client.addQuickReply({ title: "Greeting", content: "您好" }))
  await settled("editQuickReply", client.editQuickReply(1, { title: "Greeting", content: "您好！" }))
  await settled("deleteQuickReply", client.deleteQuickReply(1))
  await settled("addCustomerTag", client.addCustomerTag(me.id, { name: "VIP" }))
  await settled("deleteCustomerTag", client.deleteCustomerTag(me.id, 1))
  await settled("updateUserProfile", client.updateUserProfile(me.id, { remark: "VIP" }))
  await settled("getTransferServiceList", client.getTransferServiceList({ search: "li" }))
  await settled("conversationTransfer", client.conversationTransfer(visitor.conversationId, { userId: 1 }))
  await settled("requestConversations", client.requestConversations({ customerId: me.id }))
  await settled("getConversationsCount", client.getConversationsCount({ state: "ACTIVE" }))
  await settled("exportHistoryConversations", client.exportHistoryConversations({}))
  await settled("adminCloseConversation", client.adminCloseConversation(visitor.conversationId))
  await settled("inviteRate", staff.invite(me.id))
  client.close()
}

const visitor = await visit()
await serve(visitor)
await settled("closeConversation", visitor.leave())
visitor.client.close()
