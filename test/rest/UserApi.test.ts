import { describe } from "@effect/vitest"
import { TagId, UserId } from "../../src/domain/Id.ts"
import { UserApi } from "../../src/rest/UserApi.ts"
import * as Calls from "../support/Calls.ts"

const id = UserId.make(5)

describe("UserApi", () => {
  Calls.check(UserApi, UserApi.layer, [
    {
      title: "me",
      run: (api) => api.me,
      sends: ["GET", "/im/users/me"],
      answer: {
        id: 5,
        user_type: "OWNER",
        nickname: null,
        tags: [{ id: 1, name: "VIP", tag_color: "red" }],
        is_new: true
      },
      gets: { id: 5, userType: "OWNER", nickname: null, tags: [{ id: 1, name: "VIP", tagColor: "red" }], isNew: true }
    },
    {
      title: "updateMe({ all })",
      run: (api) =>
        api.updateMe({
          nickname: "小明",
          avatar: "a",
          phone: "1",
          email: "e",
          remark: "",
          customFields: { homeTown: "x" }
        }),
      sends: [
        "PUT",
        "/im/users/me",
        { nickname: "小明", avatar: "a", phone: "1", email: "e", remark: "", custom_fields: { home_town: "x" } }
      ]
    },
    { title: "updateMe({})", run: (api) => api.updateMe({}), sends: ["PUT", "/im/users/me", {}], answer: { ok: 1 } },
    {
      title: "update(5)",
      run: (api) => api.update(id, { nickname: "x" }),
      sends: ["PUT", "/im/users/5", { nickname: "x" }]
    },
    {
      title: "transferTargets()",
      run: (api) => api.transferTargets(),
      sends: ["GET", "/im/users"],
      answer: { users: [{ id: 4, user_type: "STAFF", online: true, capacity: 5, load: 1, group_ids: [1] }], total: 1 },
      gets: { users: [{ id: 4, userType: "STAFF", online: true, capacity: 5, load: 1, groupIds: [1] }], total: 1 }
    },
    {
      title: "transferTargets({ filters })",
      run: (api) => api.transferTargets({ search: "李 雷", group_ids: ["a", "b"] }),
      sends: ["GET", "/im/users?search=%E6%9D%8E+%E9%9B%B7&group_ids%5B%5D=a&group_ids%5B%5D=b"],
      answer: {},
      gets: { users: [] }
    },
    {
      title: "addTag(5)",
      run: (api) => api.addTag(id, { name: "VIP", tagColor: "red" }),
      sends: ["POST", "/im/users/5/tags", { name: "VIP", tag_color: "red" }],
      answer: { id: 9, name: "VIP", created_by: 4 },
      gets: { id: 9, name: "VIP", createdBy: 4 }
    },
    {
      title: "removeTag(5, 9)",
      run: (api) => api.removeTag(id, TagId.make(9)),
      sends: ["DELETE", "/im/users/5/tags/9"]
    }
  ])

  Calls.refuses(UserApi, UserApi.layer, [
    ["a user that is no integer", "id", (api) => api.update(Number.NaN as UserId, {})],
    ["a tag that is no integer", "tagId", (api) => api.removeTag(id, "9" as unknown as TagId)],
    ["a nickname that is no string", "nickname", (api) => api.updateMe({ nickname: 1 as unknown as string })]
  ])
})
