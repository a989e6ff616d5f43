/**
 * The robot's knowledge base: which answers match a question, and how well.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Order from "effect/Order"
import type { Language, SeedQuestion } from "../Seed.ts"
import { Settings } from "../SandboxOptions.ts"

/**
 * A question with its answer, popularity and votes.
 *
 * @category models
 * @since 0.1.0
 */
export interface Knowledge extends SeedQuestion {
  asked: number
  likes: number
  dislikes: number
}

/**
 * A matching question; a score of 1 is a match word for word.
 *
 * @category models
 * @since 0.1.0
 */
export interface Match {
  readonly knowledge: Knowledge
  readonly score: number
}

/**
 * A vote on an answer.
 *
 * @category models
 * @since 0.1.0
 */
export type Vote = "like" | "dislike"

const counterOf = { like: "likes", dislike: "dislikes" } as const

const han = /\p{Script=Han}/u

/**
 * The language of a text.
 *
 * @category text
 * @since 0.1.0
 */
export const languageOf = (text: string): Language => (han.test(text) ? "zh" : "en")

/**
 * Normalizes case, width, punctuation and white space.
 *
 * @category text
 * @since 0.1.0
 */
export const normalize = (text: string): string =>
  text
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[\p{P}\p{S}\s]+/gu, " ")
    .trim()

const fillers = /请问|怎么样|怎么办|怎么|怎样|如何|什么|可以|能不能|我想要|我想|我要|一下|麻烦|帮我|[吗呢吧啊的了呀]/g
const stopWords = new Set(
  "a an and are at be can could do does for get have how i if in is it its me my of on or please the there to want we what when where will with you your".split(
    " "
  )
)

/** The terms of a text: pairs of characters in Chinese, otherwise words without a plural s. */
const termsOf = (text: string): ReadonlySet<string> => {
  const terms = new Set<string>()
  const words = normalize(text).replace(/\p{Script=Han}+/gu, (run) => {
    const rest = run.replace(fillers, " ")
    for (const part of rest.split(" ")) {
      if (part.length === 1) terms.add(part)
      for (let index = 0; index + 1 < part.length; index++) terms.add(part.slice(index, index + 2))
    }
    return " "
  })
  for (const word of words.split(" ")) {
    if (word !== "" && !stopWords.has(word)) terms.add(word.length > 3 ? word.replace(/s$/, "") : word)
  }
  return terms
}

const similarity = (left: ReadonlySet<string>, right: ReadonlySet<string>): number => {
  if (left.size === 0 || right.size === 0) return 0
  let shared = 0
  for (const term of left) if (right.has(term)) shared += 1
  return (2 * shared) / (left.size + right.size)
}

/** Votes move an answer up or down within limits. */
const reputation = ({ likes, dislikes }: Knowledge): number => Math.max(-0.3, Math.min(0.3, (likes - dislikes) * 0.05))

const popularity = ({ asked, likes, dislikes }: Knowledge): number => asked + 10 * (likes - dislikes)

interface Indexed {
  readonly knowledge: Knowledge
  readonly phrasings: ReadonlyArray<{ readonly text: string; readonly terms: ReadonlySet<string> }>
  readonly keywords: ReadonlyArray<string>
}

/**
 * The robot's knowledge base.
 *
 * @category services
 * @since 0.1.0
 */
export class KnowledgeBase extends Context.Service<
  KnowledgeBase,
  {
    readonly get: (id: number) => Knowledge | undefined
    /** Counts a vote on an answer in place of the previous one. */
    readonly vote: (knowledge: Knowledge, previous: Vote | undefined, vote: Vote) => void
    readonly named: (question: string) => Knowledge | undefined
    /** The matches of a question, the best first. */
    readonly match: (text: string) => ReadonlyArray<Match>
    /** Completions of the text typed so far, the best first. */
    readonly suggest: (text: string, groupId?: number) => ReadonlyArray<Knowledge>
    /** All questions, the most popular first, by number of askers and votes. */
    readonly hot: (groupId?: number) => ReadonlyArray<Knowledge>
  }
>()("effect-kefu/sandbox/desk/KnowledgeBase") {
  /**
   * @since 0.1.0
   */
  static readonly layer = Layer.effect(
    KnowledgeBase,
    Effect.map(Settings, ({ seed }) => {
      const index = seed.questions.map((question): Indexed => ({
        knowledge: { ...question, asked: question.asked ?? 0, likes: 0, dislikes: 0 },
        phrasings: [question.question, ...(question.variants ?? [])].map((phrasing) => ({
          text: normalize(phrasing),
          terms: termsOf(phrasing)
        })),
        keywords: (question.keywords ?? []).map(normalize)
      }))
      const byId = new Map(index.map(({ knowledge }) => [knowledge.id, knowledge]))
      const byQuestion = new Map(index.map(({ knowledge }) => [normalize(knowledge.question), knowledge]))
      const inGroup = (groupId: number | undefined) => (knowledge: Knowledge) =>
        groupId === undefined || knowledge.groupId === groupId

      const hot = (groupId?: number) =>
        Array.from(byId.values())
          .filter(inGroup(groupId))
          .toSorted(Order.mapInput(Order.flip(Order.Number), popularity))

      return KnowledgeBase.of({
        get: (id) => byId.get(id),
        vote: (knowledge, previous, vote) => {
          if (previous !== undefined) knowledge[counterOf[previous]] -= 1
          knowledge[counterOf[vote]] += 1
        },
        named: (question) => byQuestion.get(normalize(question)),
        match: (text) => {
          const normalized = normalize(text)
          const terms = termsOf(text)
          return index
            .map(({ knowledge, phrasings, keywords }): Match => {
              if (phrasings.some((phrasing) => phrasing.text === normalized)) return { knowledge, score: 1 }
              const keyword = keywords.some((word) => terms.has(word) || (han.test(word) && normalized.includes(word)))
              const best = phrasings.reduce((best, phrasing) => Math.max(best, similarity(terms, phrasing.terms)), 0)
              const score = Math.max(best, keyword ? 0.4 : 0)
              return { knowledge, score: score === 0 ? 0 : Math.min(0.99, score + reputation(knowledge)) }
            })
            .filter(({ score }) => score >= 0.3)
            .toSorted(Order.mapInput(Order.flip(Order.Number), ({ score }: Match) => score))
        },
        suggest: (text, groupId) => {
          const normalized = normalize(text)
          if (normalized === "") return []
          const terms = termsOf(text)
          const rank = ({ phrasings }: Indexed) =>
            phrasings.reduce((best, phrasing) => {
              if (phrasing.text.startsWith(normalized)) return Math.max(best, 3)
              if (phrasing.text.includes(normalized)) return Math.max(best, 2)
              return Math.max(best, similarity(terms, phrasing.terms))
            }, 0)
          return index
            .filter(({ knowledge }) => inGroup(groupId)(knowledge))
            .map((entry) => ({ knowledge: entry.knowledge, rank: rank(entry) }))
            .filter(({ rank }) => rank >= 0.3)
            .toSorted(
              (left, right) => right.rank - left.rank || popularity(right.knowledge) - popularity(left.knowledge)
            )
            .map(({ knowledge }) => knowledge)
        },
        hot
      })
    })
  )
}
