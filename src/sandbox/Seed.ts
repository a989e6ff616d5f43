/**
 * The initial contents of a sandbox: a small shop for headphones with its users, the robot's knowledge base and some
 * past conversations, in Chinese and English.
 *
 * @since 0.1.0
 */

/**
 * A language that the robot speaks.
 *
 * @category models
 * @since 0.1.0
 */
export type Language = "zh" | "en"

/**
 * A user, and the token that they log in with.
 *
 * @category models
 * @since 0.1.0
 */
export interface SeedUser {
  readonly key: string
  readonly userType: "CUSTOMER" | "STAFF" | "ADMIN" | "ROBOT"
  readonly nickname: string
  readonly token?: string
  readonly avatar?: string
  readonly phone?: string
  readonly email?: string
  readonly remark?: string
  readonly tags?: ReadonlyArray<string>
  readonly capacity?: number
}

/**
 * A sub-channel for visitors; its language decides the greeting and the menu.
 *
 * @category models
 * @since 0.1.0
 */
export interface SeedChannel {
  readonly id: number
  readonly name: string
  readonly language: Language
  readonly greeting: string
  readonly faqGroupId: number
}

/**
 * A question that the robot can answer, with other phrasings, keywords and related questions.
 *
 * @category models
 * @since 0.1.0
 */
export interface SeedQuestion {
  readonly id: number
  readonly groupId: number
  readonly language: Language
  readonly question: string
  readonly variants?: ReadonlyArray<string>
  readonly keywords?: ReadonlyArray<string>
  readonly answer: string
  readonly related?: ReadonlyArray<number>
  /** How often it was asked before the sandbox started. */
  readonly asked?: number
}

/**
 * Small talk: the phrases that trigger it, and the replies to choose from.
 *
 * @category models
 * @since 0.1.0
 */
export interface SeedChitchat {
  readonly language: Language
  readonly phrases: ReadonlyArray<string>
  readonly replies: readonly [string, ...ReadonlyArray<string>]
}

/**
 * A finished conversation. Each line has its time in seconds after the beginning, the `key` of its sender, and its
 * text.
 *
 * @category models
 * @since 0.1.0
 */
export interface SeedConversation {
  readonly customer: string
  readonly staff: string
  readonly subChannelId: number
  /** How many hours before the start of the sandbox it began. */
  readonly hoursAgo: number
  readonly endReason: 1 | 2 | 3 | 4
  readonly remark?: string
  readonly rating?: { readonly score: number; readonly suggestion?: string }
  readonly lines: ReadonlyArray<readonly [seconds: number, from: string, text: string]>
}

/**
 * The initial contents of a sandbox.
 *
 * @category models
 * @since 0.1.0
 */
export interface Seed {
  readonly users: ReadonlyArray<SeedUser>
  readonly channels: readonly [SeedChannel, ...ReadonlyArray<SeedChannel>]
  readonly questions: ReadonlyArray<SeedQuestion>
  readonly chitchat: ReadonlyArray<SeedChitchat>
  readonly quickReplies: ReadonlyArray<{ readonly title: string; readonly content: string }>
  readonly ratings: ReadonlyArray<{
    readonly score: number
    readonly label: string
    readonly tags: ReadonlyArray<string>
  }>
  readonly conversations: ReadonlyArray<SeedConversation>
}

/**
 * The default contents: 声海耳机 (Seatone), a shop for headphones.
 *
 * **Details**
 *
 * Tokens: `staff-li-token`, `staff-wang-token`, `staff-emma-token`, `admin-zhao-token`, `visitor-chen-token`,
 * `visitor-alice-token`. Anonymous visitors get a token from `POST /im/tokens`.
 *
 * @category data
 * @since 0.1.0
 */
export const seed: Seed = {
  users: [
    { key: "robot", userType: "ROBOT", nickname: "小海 (Robot)", avatar: "https://static.example.com/robot.png" },
    {
      key: "li",
      userType: "STAFF",
      nickname: "李静",
      token: "staff-li-token",
      avatar: "https://static.example.com/li.png",
      email: "li.jing@seatone.example"
    },
    {
      key: "wang",
      userType: "STAFF",
      nickname: "王磊",
      token: "staff-wang-token",
      avatar: "https://static.example.com/wang.png",
      email: "wang.lei@seatone.example"
    },
    {
      key: "emma",
      userType: "STAFF",
      nickname: "Emma Brown",
      token: "staff-emma-token",
      avatar: "https://static.example.com/emma.png",
      email: "emma.brown@seatone.example"
    },
    {
      key: "zhao",
      userType: "ADMIN",
      nickname: "赵敏",
      token: "admin-zhao-token",
      email: "zhao.min@seatone.example"
    },
    {
      key: "chen",
      userType: "CUSTOMER",
      nickname: "陈晓明",
      token: "visitor-chen-token",
      phone: "13800138000",
      remark: "老客户，喜欢顺丰",
      tags: ["VIP", "复购客户"]
    },
    {
      key: "alice",
      userType: "CUSTOMER",
      nickname: "Alice Green",
      token: "visitor-alice-token",
      email: "alice.green@mail.example",
      tags: ["International"]
    }
  ],
  channels: [
    {
      id: 1,
      name: "官网商城",
      language: "zh",
      greeting: "您好，我是声海耳机的智能客服小海 🎧 请问有什么可以帮您？",
      faqGroupId: 1
    },
    {
      id: 2,
      name: "微信小程序",
      language: "zh",
      greeting: "您好，欢迎来到声海小程序，请选择或直接输入您的问题。",
      faqGroupId: 2
    },
    {
      id: 3,
      name: "International store",
      language: "en",
      greeting: "Hi, I am Hai, the Seatone assistant 🎧 How can I help you?",
      faqGroupId: 3
    }
  ],
  questions: [
    {
      id: 1,
      groupId: 1,
      language: "zh",
      question: "多久发货？",
      variants: ["什么时候发货", "下单后几天发货", "我的订单怎么还没发货"],
      keywords: ["发货"],
      answer: "现货商品在付款后 24 小时内发货，预售商品以商品页标注的时间为准。",
      related: [2, 3],
      asked: 126
    },
    {
      id: 2,
      groupId: 1,
      language: "zh",
      question: "怎么查物流？",
      variants: ["如何查看快递进度", "我的快递到哪了", "物流信息在哪里看"],
      keywords: ["物流", "快递单号"],
      answer: "打开“我的订单”，点击订单右侧的“查看物流”即可看到快递单号和最新进度。",
      related: [1],
      asked: 98
    },
    {
      id: 3,
      groupId: 1,
      language: "zh",
      question: "可以修改收货地址吗？",
      variants: ["怎么改地址", "地址填错了怎么办", "换一个收货地址"],
      keywords: ["收货地址", "改地址"],
      answer: "发货前可以在“我的订单”里修改收货地址；已发货的订单请联系快递员改派。",
      related: [1, 2],
      asked: 41
    },
    {
      id: 4,
      groupId: 2,
      language: "zh",
      question: "如何申请退货？",
      variants: ["我要退货", "退货流程是什么", "不想要了怎么退"],
      keywords: ["退货"],
      answer: "签收后 7 天内，在订单详情点击“申请退货”，快递员会上门取件，运费由我们承担。",
      related: [5, 6],
      asked: 87
    },
    {
      id: 5,
      groupId: 2,
      language: "zh",
      question: "退款多久到账？",
      variants: ["退款什么时候到", "钱多久退回来", "退款到账时间"],
      keywords: ["退款"],
      answer: "仓库收到退货后 1 至 3 个工作日原路退回，银行卡可能再慢 1 至 2 天。",
      related: [4],
      asked: 64
    },
    {
      id: 6,
      groupId: 2,
      language: "zh",
      question: "可以换货吗？",
      variants: ["怎么换货", "换一个颜色可以吗", "换货要多久"],
      keywords: ["换货"],
      answer: "15 天内有质量问题可以换货；换颜色请先退货再重新下单。",
      related: [4],
      asked: 22
    },
    {
      id: 7,
      groupId: 2,
      language: "zh",
      question: "保修期是多久？",
      variants: ["质保几年", "耳机坏了保修吗", "过保了怎么修"],
      keywords: ["保修", "质保"],
      answer: "耳机整机保修一年，充电盒保修半年，凭订单号即可，无需发票。",
      asked: 35
    },
    {
      id: 8,
      groupId: 1,
      language: "zh",
      question: "怎么开发票？",
      variants: ["能开增值税专用发票吗", "发票在哪里申请", "电子发票怎么下载"],
      keywords: ["发票"],
      answer: "在订单详情点击“申请发票”，电子发票会在 24 小时内发送到您的邮箱。",
      asked: 53
    },
    {
      id: 9,
      groupId: 2,
      language: "zh",
      question: "耳机连不上蓝牙怎么办？",
      variants: ["蓝牙配对失败", "怎么连接手机", "搜不到耳机"],
      keywords: ["蓝牙", "配对"],
      answer: "请把耳机放回充电盒，长按盒子按键 10 秒至白灯闪烁，再在手机蓝牙里选择 Seatone。",
      asked: 71
    },
    {
      id: 21,
      groupId: 3,
      language: "en",
      question: "When will my order ship?",
      variants: ["how long until you ship", "order not shipped yet", "shipping time"],
      keywords: ["ship", "shipping"],
      answer: "Items in stock ship within 24 hours after payment. You get an e-mail with the tracking number.",
      related: [22, 23],
      asked: 45
    },
    {
      id: 22,
      groupId: 3,
      language: "en",
      question: "How do I track my parcel?",
      variants: ["where is my package", "tracking number", "parcel status"],
      keywords: ["track", "tracking", "parcel"],
      answer: "Open My orders and choose Track parcel: you see the carrier, the number and the latest scan.",
      related: [21],
      asked: 39
    },
    {
      id: 23,
      groupId: 3,
      language: "en",
      question: "How do I return an item?",
      variants: ["i want to return my headphones", "return policy", "send it back"],
      keywords: ["return"],
      answer: "Within 30 days of delivery choose Return in My orders. We send a prepaid label by e-mail.",
      related: [24],
      asked: 33
    },
    {
      id: 24,
      groupId: 3,
      language: "en",
      question: "When do I get my refund?",
      variants: ["refund time", "how long does a refund take", "money back"],
      keywords: ["refund"],
      answer: "Three to five working days after the parcel is back in our warehouse, to the way you paid.",
      related: [23],
      asked: 28
    },
    {
      id: 25,
      groupId: 3,
      language: "en",
      question: "How long is the warranty?",
      variants: ["warranty period", "my headphones broke", "is it covered by warranty"],
      keywords: ["warranty"],
      answer: "Two years for the headphones and one year for the charging case.",
      asked: 17
    },
    {
      id: 26,
      groupId: 3,
      language: "en",
      question: "How do I pair over Bluetooth?",
      variants: ["bluetooth does not connect", "connect to my phone", "pairing mode"],
      keywords: ["bluetooth", "pair", "pairing"],
      answer:
        "Hold the button on the case for 10 seconds until the light blinks white, then pick Seatone on your phone.",
      asked: 25
    }
  ],
  chitchat: [
    {
      language: "zh",
      phrases: ["你好", "您好", "在吗", "哈喽", "早上好", "下午好", "晚上好"],
      replies: ["您好，我是小海，很高兴为您服务 😊", "在的，请问有什么可以帮您？"]
    },
    {
      language: "zh",
      phrases: ["谢谢", "谢谢你", "多谢", "感谢"],
      replies: ["不客气，祝您生活愉快！", "应该的，还有别的可以帮您吗？"]
    },
    { language: "zh", phrases: ["再见", "拜拜"], replies: ["再见，期待您再来 👋"] },
    {
      language: "zh",
      phrases: ["你是谁", "你叫什么", "你是机器人吗"],
      replies: ["我是声海耳机的智能客服小海，输入“人工”可以找真人客服。"]
    },
    {
      language: "en",
      phrases: ["hi", "hello", "hey", "hi there", "hello there", "good morning", "good evening"],
      replies: ["Hi! What can I do for you?", "Hello, how can I help?"]
    },
    { language: "en", phrases: ["thanks", "thank you", "thx", "cheers"], replies: ["You are welcome!", "Any time 🙂"] },
    { language: "en", phrases: ["bye", "goodbye", "see you"], replies: ["Goodbye, and enjoy your music!"] },
    {
      language: "en",
      phrases: ["who are you", "are you a robot", "what is your name"],
      replies: ['I am Hai, a robot. Write "human" to talk to a person.']
    }
  ],
  quickReplies: [
    { title: "问候", content: "您好，很高兴为您服务，请问有什么可以帮您？" },
    { title: "请稍等", content: "好的，我帮您查一下，请稍等片刻。" },
    { title: "结束语", content: "感谢您的咨询，祝您生活愉快，再见！" },
    { title: "Greeting", content: "Hello, thanks for your patience. How can I help you today?" },
    { title: "One moment", content: "Let me check that for you, one moment please." }
  ],
  ratings: [
    { score: 1, label: "非常不满意", tags: ["态度冷淡", "没有解决问题"] },
    { score: 2, label: "不满意", tags: ["回复太慢", "没有听懂"] },
    { score: 3, label: "一般", tags: ["回复一般", "等待较久"] },
    { score: 4, label: "满意", tags: ["态度友好", "回复及时"] },
    { score: 5, label: "非常满意", tags: ["专业", "热情", "解决问题"] }
  ],
  conversations: [
    {
      customer: "chen",
      staff: "li",
      subChannelId: 1,
      hoursAgo: 72,
      endReason: 2,
      remark: "左耳断连，已安排换新",
      rating: { score: 5, suggestion: "李静很专业" },
      lines: [
        [4, "chen", "耳机左耳老是断连，才买了两周"],
        [31, "li", "您好，非常抱歉给您带来不便，请问重新配对过吗？"],
        [70, "chen", "试过了，还是不行"],
        [104, "li", "好的，为您安排换新，快递员明天上午上门取件。"],
        [131, "chen", "太好了，谢谢！"],
        [150, "li", "不客气，祝您生活愉快 🎵"]
      ]
    },
    {
      customer: "alice",
      staff: "emma",
      subChannelId: 3,
      hoursAgo: 49,
      endReason: 1,
      rating: { score: 4 },
      lines: [
        [6, "alice", "Hi, does the warranty cover a lost ear tip?"],
        [40, "emma", "Hello Alice, ear tips are not covered, but I can send you a spare pair for free."],
        [66, "alice", "That would be lovely, thank you!"],
        [90, "emma", "Done. They should reach you within a week."]
      ]
    },
    {
      customer: "chen",
      staff: "wang",
      subChannelId: 2,
      hoursAgo: 26,
      endReason: 3,
      lines: [
        [5, "chen", "请问发票抬头可以改成公司吗？"],
        [52, "wang", "可以的，请把公司名称和税号发给我。"],
        [80, "wang", "您好，还在吗？"]
      ]
    }
  ]
}
