import { describe } from "@effect/vitest"
import { ChannelApi } from "../../src/rest/ChannelApi.ts"
import { SubChannelId } from "../../src/domain/Id.ts"
import * as Calls from "../support/Calls.ts"

describe("ChannelApi", () => {
  Calls.check(ChannelApi, ChannelApi.layer, [
    {
      title: "subChannel(12)",
      run: (api) => api.subChannel(SubChannelId.make(12)),
      sends: ["GET", "/client/channels/sub_channels/12"],
      answer: { id: 12, name: "网站", greeting: "欢迎", faq_group_id: 2, theme: { main_color: "#fff" } },
      gets: { id: 12, name: "网站", greeting: "欢迎", faqGroupId: 2, theme: { mainColor: "#fff" } }
    }
  ])

  Calls.refuses(ChannelApi, ChannelApi.layer, [
    ["an id that is no integer", "id", (api) => api.subChannel(1.5 as SubChannelId)]
  ])
})
