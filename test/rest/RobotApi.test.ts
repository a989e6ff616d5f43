import { describe } from "@effect/vitest"
import { FaqGroupId, MessageId, SubChannelId } from "../../src/domain/Id.ts"
import { RobotApi } from "../../src/rest/RobotApi.ts"
import * as Calls from "../support/Calls.ts"

const id = MessageId.make(88)

describe("RobotApi", () => {
  Calls.check(RobotApi, RobotApi.layer, [
    { title: "like(88)", run: (api) => api.like(id), sends: ["POST", "/im/robot_answers/88/like"] },
    {
      title: "dislike(88)",
      run: (api) => api.dislike(id),
      sends: ["POST", "/im/robot_answers/88/dislike"],
      answer: { robot_answer: {} }
    },
    {
      title: "suggestions({ query })",
      run: (api) => api.suggestions({ query: "怎么退款? a=b&c" }),
      sends: ["GET", "/im/questions/suggest?query=%E6%80%8E%E4%B9%88%E9%80%80%E6%AC%BE%3F+a%3Db%26c"],
      answer: { questions: [{ id: 1, question: "怎么退款?", hit_count: 2 }] },
      gets: { questions: [{ id: 1, question: "怎么退款?", hitCount: 2 }] }
    },
    {
      title: "suggestions({ all })",
      run: (api) => api.suggestions({ query: "", subChannelId: SubChannelId.make(4) }),
      sends: ["GET", "/im/questions/suggest?query=&sub_channel_id=4"],
      answer: {},
      gets: { questions: [] }
    },
    {
      title: "hotFaqs()",
      run: (api) => api.hotFaqs(),
      sends: ["GET", "/hot_faqs"],
      answer: { faqs: [{ id: 1, group_id: 2, question: "q", answer: "a", view_count: 3 }], total: 1 },
      gets: { faqs: [{ id: 1, groupId: 2, question: "q", answer: "a", viewCount: 3 }], total: 1 }
    },
    {
      title: "hotFaqs({ all })",
      run: (api) => api.hotFaqs({ limit: 5, page: 1, groupId: FaqGroupId.make(2) }),
      sends: ["GET", "/hot_faqs?limit=5&page=1&group_id=2"],
      answer: { faqs: null },
      gets: { faqs: [] }
    }
  ])

  Calls.refuses(RobotApi, RobotApi.layer, [
    ["an answer that is no integer", "id", (api) => api.like("88" as unknown as MessageId)],
    ["a query that is no string", "query", (api) => api.suggestions({ query: 5 as unknown as string })],
    ["a limit that is no number", "limit", (api) => api.hotFaqs({ limit: "5" as unknown as number })]
  ])
})
