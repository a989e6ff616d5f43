import { describe } from "@effect/vitest"
import { QuickReplyId } from "../../src/domain/Id.ts"
import { QuickReplyApi } from "../../src/rest/QuickReplyApi.ts"
import * as Calls from "../support/Calls.ts"

const id = QuickReplyId.make(3)

describe("QuickReplyApi", () => {
  Calls.check(QuickReplyApi, QuickReplyApi.layer, [
    {
      title: "list",
      run: (api) => api.list,
      sends: ["GET", "/im/common_words"],
      answer: { common_words: [{ id: 3, title: "问候", content: "您好", sort_order: 1 }] },
      gets: { commonWords: [{ id: 3, title: "问候", content: "您好", sortOrder: 1 }] }
    },
    {
      title: "add",
      run: (api) => api.add({ title: "问候", content: "您好", groupName: "a" }),
      sends: ["POST", "/im/common_words", { title: "问候", content: "您好", group_name: "a" }],
      answer: { id: 3, title: "问候", content: "您好" },
      gets: { id: 3, title: "问候", content: "您好" }
    },
    {
      title: "update(3)",
      run: (api) => api.update(id, { content: "" }),
      sends: ["PUT", "/im/common_words/3", { content: "" }]
    },
    { title: "remove(3)", run: (api) => api.remove(id), sends: ["DELETE", "/im/common_words/3"] }
  ])

  Calls.refuses(QuickReplyApi, QuickReplyApi.layer, [
    ["an id that is no integer", "id", (api) => api.remove(0.1 as QuickReplyId)],
    ["a title that is no string", "title", (api) => api.add({ title: null as unknown as string })]
  ])
})
