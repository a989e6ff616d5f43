/** Every text of both pages, in Chinese and English; system messages, too. */
import type { InboxMessage } from "../../src/Client.ts"
import { remember } from "./dom.ts"

const zh = {
  code: "zh-CN",
  other: "English",
  chat: "在线客服",
  open: "打开聊天",
  close: "收起聊天",
  end: "结束会话",
  ended: "会话已结束，发送消息即可重新开始",
  write: "输入消息…",
  send: "发送",
  attach: "发送图片或文件",
  sound: "提示音",
  robot: "智能客服",
  staff: "人工客服",
  waiting: "等待接入",
  human: "转人工",
  humanText: "转人工",
  typing: "正在输入…",
  like: "有帮助",
  dislike: "没有帮助",
  thanks: "感谢您的反馈",
  hot: "大家都在问",
  suggestions: "猜您想问",
  queue: (place: number) => `您前面还有 ${place - 1} 位，正在为您排队`,
  wait: (minutes: number) => `预计约 ${minutes} 分钟`,
  available: (queue: number) => (queue === 0 ? "现在无人排队，马上为您服务" : `当前有 ${queue} 位在排队`),
  recall: "撤回",
  recalledMine: "您撤回了一条消息",
  recalled: "对方撤回了一条消息",
  read: "已读",
  sent: "已送达",
  sending: "发送中",
  failed: "发送失败",
  unknown: "不确定是否送达",
  retry: "重试",
  discard: "放弃",
  cancel: "取消",
  tooLarge: "文件不能超过 10 MB",
  notAccepted: (name: string) => `不支持发送 ${name}：请选择图片、视频、文档或压缩包`,
  uploading: (name: string) => `正在上传 ${name}`,
  image: "图片",
  video: "视频",
  file: "文件",
  preview: "查看大图",
  rateTitle: "请评价本次服务",
  rateHint: "说点什么吧（选填）",
  rateSend: "提交评价",
  stars: (score: number) => `${score} 星`,
  reconnecting: (seconds: number) => `连接已断开，${seconds} 秒后重连`,
  connecting: "正在连接…",
  retryNow: "立即重连",
  offline: "您已离线，恢复网络后自动重连",
  superseded: "您的账号在别处登录",
  takeOver: "在此继续",
  stopped: "连接已关闭",
  history: "聊天记录",
  latest: "回到最新消息",
  unread: (count: number) => `${count} 条未读`,
  empty: "还没有消息",
  today: "今天",
  faults: "故障演练",
  faultsHint: "注入故障，看客户端如何恢复",
  cut: "断开连接",
  outage: "断网 8 秒",
  silent: "链路静默",
  slow: "延迟 2 秒",
  kick: "异地登录",
  errors: "接口报错 10 秒",
  heal: "清除故障",
  you: "您",
  console: "客服工作台",
  who: "选择一个身份登录",
  current: "进行中",
  onlyUnread: "未读",
  history2: "历史",
  search: "搜索会话",
  none: "没有会话",
  noneHint: "访客转人工后会出现在这里",
  pick: "选择一个会话开始",
  inQueue: (count: number) => `排队 ${count}`,
  queueTitle: "排队",
  nobodyWaits: "没有访客在排队",
  waited: (minutes: number) => (minutes === 0 ? "刚刚开始等待" : `已等待 ${minutes} 分钟`),
  take: "接入",
  takeWho: (name: string) => `接入 ${name}`,
  more: "加载更多",
  profile: "访客资料",
  nickname: "昵称",
  phone: "电话",
  email: "邮箱",
  remark: "客户备注",
  conversationRemark: "会话备注",
  save: "保存",
  saved: "已保存",
  tags: "标签",
  addTag: "添加标签",
  removeTag: (name: string) => `删除标签 ${name}`,
  visit: "访问信息",
  page: "页面",
  referrer: "来源",
  device: "设备",
  city: "城市",
  visits: "会话次数",
  transfer: "转接",
  transferTo: "转接给",
  invite: "邀请评价",
  invited: "已邀请访客评价",
  exporting: "导出记录",
  quick: "快捷回复",
  editReplies: "编辑快捷回复",
  replyTitle: "标题",
  replyText: "内容",
  addReply: "新增",
  deleteReply: (name: string) => `删除 ${name}`,
  commonReply: "公共快捷回复只能由管理员修改",
  notify: "桌面通知",
  details: "资料",
  back: "返回",
  logout: "切换身份",
  tabs: "打开的会话",
  newMark: "新",
  product: "声海 Wave 2",
  tagline: "安静，是另一种辽阔。",
  pitch: "自适应降噪，40 小时续航。戴上它，把海风和旋律带在身边。",
  buy: "加入购物车",
  ask: "咨询客服",
  reasons: ["会话已结束", "您已结束会话", "客服已结束会话", "会话因长时间无消息而结束", "管理员已结束会话"]
}

const en: typeof zh = {
  code: "en",
  other: "中文",
  chat: "Support",
  open: "Open the chat",
  close: "Close the chat",
  end: "End the conversation",
  ended: "This conversation has ended. Write to start again",
  write: "Write a message…",
  send: "Send",
  attach: "Send an image or a file",
  sound: "Sound",
  robot: "Assistant",
  staff: "Agent",
  waiting: "Waiting for an agent",
  human: "Ask a person",
  humanText: "talk to a person",
  typing: "is typing…",
  like: "Helpful",
  dislike: "Not helpful",
  thanks: "Thanks for your feedback",
  hot: "People often ask",
  suggestions: "Did you mean",
  queue: (place) => (place === 1 ? "You are next in line" : `${place - 1} before you in line`),
  wait: (minutes) => `about ${minutes} min`,
  available: (queue) => (queue === 0 ? "No queue right now, we answer at once" : `${queue} waiting right now`),
  recall: "Recall",
  recalledMine: "You recalled a message",
  recalled: "A message was recalled",
  read: "Read",
  sent: "Sent",
  sending: "Sending",
  failed: "Not sent",
  unknown: "May not have arrived",
  retry: "Retry",
  discard: "Discard",
  cancel: "Cancel",
  tooLarge: "Files may have up to 10 MB",
  notAccepted: (name) => `${name} cannot be sent: choose an image, a video, a document or an archive`,
  uploading: (name) => `Uploading ${name}`,
  image: "Image",
  video: "Video",
  file: "File",
  preview: "View full size",
  rateTitle: "How was our service?",
  rateHint: "Tell us more (optional)",
  rateSend: "Send rating",
  stars: (score) => (score === 1 ? "1 star" : `${score} stars`),
  reconnecting: (seconds) => `Connection lost, retrying in ${seconds} s`,
  connecting: "Connecting…",
  retryNow: "Retry now",
  offline: "You are offline. We reconnect once you are back",
  superseded: "Your account is in use elsewhere",
  takeOver: "Continue here",
  stopped: "The connection is closed",
  history: "Messages",
  latest: "Jump to the latest message",
  unread: (count) => `${count} unread`,
  empty: "No messages yet",
  today: "Today",
  faults: "Fault lab",
  faultsHint: "Break something and watch the client recover",
  cut: "Cut connections",
  outage: "8 s outage",
  silent: "Silent link",
  slow: "2 s latency",
  kick: "Second login",
  errors: "10 s of 503s",
  heal: "Heal everything",
  you: "You",
  console: "Service desk",
  who: "Sign in as",
  current: "Open",
  onlyUnread: "Unread",
  history2: "History",
  search: "Search conversations",
  none: "No conversations",
  noneHint: "They appear here when a visitor asks for a person",
  pick: "Pick a conversation to start",
  inQueue: (count) => `${count} in queue`,
  queueTitle: "Queue",
  nobodyWaits: "Nobody is waiting",
  waited: (minutes) => (minutes === 0 ? "just began to wait" : `waiting for ${minutes} min`),
  take: "Take",
  takeWho: (name) => `Take ${name}`,
  more: "Load more",
  profile: "Profile",
  nickname: "Name",
  phone: "Phone",
  email: "E-mail",
  remark: "Customer notes",
  conversationRemark: "Conversation notes",
  save: "Save",
  saved: "Saved",
  tags: "Tags",
  addTag: "Add a tag",
  removeTag: (name) => `Remove tag ${name}`,
  visit: "Visit",
  page: "Page",
  referrer: "Referrer",
  device: "Device",
  city: "City",
  visits: "Chats",
  transfer: "Transfer",
  transferTo: "Transfer to",
  invite: "Ask for a rating",
  invited: "The visitor has been asked for a rating",
  exporting: "Export",
  quick: "Quick replies",
  editReplies: "Edit quick replies",
  replyTitle: "Title",
  replyText: "Text",
  addReply: "Add",
  deleteReply: (name) => `Delete ${name}`,
  commonReply: "Only administrators may change what all staff share",
  notify: "Desktop notifications",
  details: "Details",
  back: "Back",
  logout: "Switch account",
  tabs: "Open chats",
  newMark: "New",
  product: "Seatone Wave 2",
  tagline: "Quiet is a kind of wide.",
  pitch: "Adaptive noise cancelling and 40 hours of music. Take the sea breeze with you.",
  buy: "Add to cart",
  ask: "Ask us",
  reasons: [
    "The conversation has ended",
    "You ended the conversation",
    "The agent ended the conversation",
    "The conversation ended after a long silence",
    "An administrator ended the conversation"
  ]
}

export type Texts = typeof zh

const asked = new URLSearchParams(location.search).get("lang") ?? remember.get("lang") ?? navigator.language

export const t: Texts = asked.startsWith("zh") ? zh : en
const isChinese = t === zh
document.documentElement.lang = t.code

export const switchLanguage = (): void => {
  remember.set("lang", isChinese ? "en" : "zh")
  location.search = ""
}

const field = (content: unknown, name: string): string => {
  const value = typeof content === "object" && content !== null ? Object.entries(content) : []
  const found = value.find(([key]) => key === name)?.[1]
  return typeof found === "string" || typeof found === "number" ? String(found) : ""
}

/** What a system message says; undefined for those that are not shown. */
export const systemText = ({ message, direction }: InboxMessage, asStaff: boolean): string | undefined => {
  const name = field(message.content, "nickname")
  switch (message.messageType) {
    case "ConversationBuilt":
      return isChinese ? `${name || "客服"} 已加入会话` : `${name || "Somebody"} joined`
    case "ManualServiceStart":
      return isChinese ? "已接入人工客服" : "You are talking to a person now"
    case "ConversationEnd": {
      const reason = Number(field(message.content, "reason"))
      const own = asStaff ? [t.reasons[0], t.reasons[0], t.reasons[0]][reason] : undefined
      return own ?? t.reasons[reason] ?? t.reasons[0]
    }
    case "RateInvite":
      return isChinese ? "邀请评价本次服务" : "Invitation to rate the service"
    case "RateInviteError":
      return isChinese ? "暂时无法邀请评价" : "The invitation to rate failed"
    case "StaffBusyEvent":
      return isChinese ? "客服正忙，已为您排队" : "All agents are busy, you are in the queue"
    case "StaffOfflineEvent":
      return isChinese ? "客服暂时不在线，请留言" : "Nobody is online right now, leave a message"
    case "StaffTimeoutMessage":
      return isChinese ? "客服暂时没有回应，请稍候" : "The agent has not answered yet, please wait"
    case "ConversationTransfer":
      return isChinese ? `会话已转接${name && `给 ${name}`}` : `Transferred${name && ` to ${name}`}`
    case "CustomerRate":
      return `${"★".repeat(Number(field(message.content, "score")))} ${field(message.content, "suggestion")}`.trim()
    case "MessageRecall":
      return undefined
    default:
      return direction === 0 ? undefined : String(message.messageType)
  }
}

const clock = new Intl.DateTimeFormat(t.code, { hour: "2-digit", minute: "2-digit", hour12: false })
const date = new Intl.DateTimeFormat(t.code, { month: "long", day: "numeric", weekday: "short" })

export const timeOf = (at: number | undefined): string => (at === undefined ? "" : clock.format(at))
export const dayOf = (at: number | undefined): string => {
  if (at === undefined) return ""
  const day = date.format(at)
  return day === date.format(Date.now()) ? t.today : day
}

/** One line about a message, for lists and notifications. */
export const summary = (message: InboxMessage, asStaff: boolean): string => {
  const { content, messageType } = message.message
  if (message.isRecalled) return message.direction === 0 ? t.recalledMine : t.recalled
  if (message.isSystemMessage) return systemText(message, asStaff) ?? ""
  if (typeof content === "string") return content
  if (messageType === "Image") return `[${t.image}]`
  if (messageType === "Video") return `[${t.video}]`
  if (messageType === "Attachment") return `[${t.file}] ${field(content, "filename")}`
  return field(content, "answer") || field(content, "title")
}
