/**
 * The robot that serves visitors first: it greets, answers from the knowledge base, and hands over on request.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import { MenuItemId } from "../../domain/Id.ts"
import type { Menu, RobotAnswer } from "../../domain/Message.ts"
import type { OddMessage } from "./Conversations.ts"
import type { SendPayload } from "../../wire/Frame.ts"
import { type Knowledge, KnowledgeBase, languageOf, normalize } from "./KnowledgeBase.ts"
import type { SeedChannel } from "../Seed.ts"
import { Settings } from "../SandboxOptions.ts"

/**
 * The robot's reaction to a message: it hands over to staff or replies.
 *
 * @category models
 * @since 0.1.0
 */
export type Reply =
  | { readonly _tag: "HandOver" }
  | {
      readonly _tag: "Say"
      readonly messageType:
        | "RobotChitchatMessage"
        | "RobotCanAnswerMessage"
        | "RobotNotAnswerMessage"
        | "RobotMayAnswerMessage"
        | "FAQAnswerMessage"
      readonly content: RobotAnswer | string
      readonly hasRecommend: boolean
      /** The source of the answer: votes on the message count for it. */
      readonly knowledge: Knowledge | undefined
    }

/**
 * The menu item for a person. Items for questions have the ids of the questions.
 *
 * @category constants
 * @since 0.1.0
 */
export const talkToPerson = MenuItemId.make(1000)

const wantsPerson = [
  /转人工|真人|^人工$|人工(?:客服|服务|坐席)|找人工|(?:联系|找)客服/,
  /\bhuman\b|\b(?:real|live) (?:person|agent)\b|\b(?:talk|speak|chat) (?:to|with) (?:a|an|some)? ?(?:person|agent|someone|somebody|one)\b|^agent$/
]

const lost = {
  zh: "抱歉，我还不太明白。您可以换个说法，或输入“人工”转接人工客服。",
  en: 'Sorry, I did not understand that. Try other words, or write "human" to talk to a person.'
}
const cannotSee = {
  zh: "我还看不懂图片、视频和文件，请用文字描述，或输入“人工”转接人工客服。",
  en: 'I cannot look at pictures, videos or files yet. Please use words, or write "human" to talk to a person.'
}
const didYouMean = { zh: "您是想问这些问题吗？", en: "Did you mean one of these?" }

/**
 * The robot.
 *
 * @category services
 * @since 0.1.0
 */
export class Robot extends Context.Service<
  Robot,
  {
    readonly menu: (channel: SeedChannel) => Menu
    /** Replies to a message. Each answer raises the popularity of its question. */
    readonly reply: (message: SendPayload | OddMessage, channel: SeedChannel) => Effect.Effect<Reply>
    /** Answers a question chosen from a menu or a suggestion. */
    readonly answer: (knowledge: Knowledge) => Reply
  }
>()("effect-kefu/sandbox/desk/Robot") {
  /**
   * @since 0.1.0
   */
  static readonly layer = Layer.effect(
    Robot,
    Effect.gen(function* () {
      const { seed } = yield* Settings
      const base = yield* KnowledgeBase
      const smallTalk = new Map(
        seed.chitchat.flatMap(({ phrases, replies }) => phrases.map((phrase) => [normalize(phrase), replies] as const))
      )
      const recommended = (knowledge: Knowledge): ReadonlyArray<string> =>
        (knowledge.related ?? []).flatMap((id) => base.get(id)?.question ?? [])

      const say = (
        messageType: Extract<Reply, { readonly _tag: "Say" }>["messageType"],
        content: RobotAnswer | string,
        knowledge?: Knowledge
      ): Reply => ({
        _tag: "Say",
        messageType,
        content,
        hasRecommend: typeof content !== "string" && (content.candidates ?? []).length > 0,
        knowledge
      })

      const known = (messageType: "RobotCanAnswerMessage" | "FAQAnswerMessage", knowledge: Knowledge): Reply => {
        knowledge.asked += 1
        return say(
          messageType,
          { question: knowledge.question, answer: knowledge.answer, candidates: recommended(knowledge) },
          knowledge
        )
      }

      const replyToText = Effect.fn("Robot.replyToText")(function* (text: string): Effect.fn.Return<Reply> {
        const normalized = normalize(text)
        if (wantsPerson.some((pattern) => pattern.test(normalized))) return { _tag: "HandOver" }
        const replies = smallTalk.get(normalized)
        if (replies !== undefined) return say("RobotChitchatMessage", yield* Random.choice(replies))
        const [best, second] = base.match(text)
        if (best === undefined) return say("RobotNotAnswerMessage", lost[languageOf(text)])
        const clear = best.score >= 0.4 && (second === undefined || best.score - second.score >= 0.2)
        if (best.score === 1 || clear) return known("RobotCanAnswerMessage", best.knowledge)
        const candidates = base
          .match(text)
          .slice(0, 3)
          .map(({ knowledge }) => knowledge.question)
        return say("RobotMayAnswerMessage", { question: text, answer: didYouMean[languageOf(text)], candidates })
      })

      return Robot.of({
        menu: ({ greeting, faqGroupId, language }) => ({
          title: greeting,
          items: [
            ...base
              .hot(faqGroupId)
              .slice(0, 4)
              .map(({ id, question }) => ({ id: MenuItemId.make(id), title: question })),
            { id: talkToPerson, title: language === "zh" ? "转人工客服" : "Talk to a person" }
          ]
        }),
        reply: Effect.fn("Robot.reply")(function* ({ content, messageType }, { language }) {
          if (messageType === "Text") return yield* replyToText(content)
          if (messageType !== "FAQAnswerMessage") return say("RobotNotAnswerMessage", cannotSee[language])
          const question = typeof content === "string" ? content : (content.question ?? "")
          const named = base.named(question)
          return named === undefined ? yield* replyToText(question) : known("FAQAnswerMessage", named)
        }),
        answer: (knowledge) => known("FAQAnswerMessage", knowledge)
      })
    })
  )
}
