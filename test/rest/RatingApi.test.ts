import { describe } from "@effect/vitest"
import { RatingTagId } from "../../src/domain/Id.ts"
import { RatingApi } from "../../src/rest/RatingApi.ts"
import * as Calls from "../support/Calls.ts"

describe("RatingApi", () => {
  Calls.check(RatingApi, RatingApi.layer, [
    {
      title: "rate({ score })",
      run: (api) => api.rate({ score: 5 }),
      sends: ["POST", "/im/rates", { score: 5 }],
      answer: { score: 5, conversation_id: 7, rated_at: 1 },
      gets: { score: 5, conversationId: 7, ratedAt: 1 }
    },
    {
      title: "rate({ all })",
      run: (api) => api.rate({ score: 1, suggestion: "慢", ratingTagIds: [RatingTagId.make(2)] }),
      sends: ["POST", "/im/rates", { score: 1, suggestion: "慢", rating_tag_ids: [2] }],
      answer: {},
      gets: {}
    },
    {
      title: "rate(...) with an empty answer",
      run: (api) => api.rate({ score: 3 }),
      sends: ["POST", "/im/rates", { score: 3 }],
      gets: {}
    },
    {
      title: "list",
      run: (api) => api.list,
      sends: ["GET", "/ratings"],
      answer: { ratings: [{ score: 5, label: "满意", tags: [{ id: 1, name: "快", icon_url: "i" }] }] },
      gets: { ratings: [{ score: 5, label: "满意", tags: [{ id: 1, name: "快", iconUrl: "i" }] }] }
    }
  ])

  Calls.refuses(
    RatingApi,
    RatingApi.layer,
    [0, 6, 2.5, -1, Number.NaN].map((score) => [`the score ${score}`, "score", (api) => api.rate({ score })] as const)
  )
})
