/** The REST services against the sandbox, which shares only the wire contract with them. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { afterEach, vi } from "vitest"
import { ChannelApi } from "../../src/rest/ChannelApi.ts"
import { ConversationApi } from "../../src/rest/ConversationApi.ts"
import {
  ConversationId,
  MessageId,
  QuickReplyId,
  RatingTagId,
  SubChannelId,
  TagId,
  UserId
} from "../../src/domain/Id.ts"
import type { User } from "../../src/domain/User.ts"
import type { KefuError } from "../../src/KefuError.ts"
import { QuickReplyApi } from "../../src/rest/QuickReplyApi.ts"
import { RatingApi } from "../../src/rest/RatingApi.ts"
import { Realtime } from "../../src/realtime/Realtime.ts"
import { RobotApi } from "../../src/rest/RobotApi.ts"
import { origin, Sandbox } from "../../src/sandbox/Sandbox.ts"
import * as TestKefu from "../../src/testing/TestKefu.ts"
import { UploadApi } from "../../src/rest/UploadApi.ts"
import { UserApi } from "../../src/rest/UserApi.ts"

const as =
  (token: string) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.provide(effect, TestKefu.layerSession({ token }))

const chen = as("visitor-chen-token")
const alice = as("visitor-alice-token")
const li = as("staff-li-token")
const zhao = as("admin-zhao-token")

const conversations = <A>(run: (api: ConversationApi["Service"]) => Effect.Effect<A, KefuError>) =>
  ConversationApi.use(run)
const users = <A>(run: (api: UserApi["Service"]) => Effect.Effect<A, KefuError>) => UserApi.use(run)

const refused = <A>(effect: Effect.Effect<A, KefuError, Sandbox>) =>
  Effect.map(Effect.flip(Effect.asVoid(effect)), ({ reason }) => reason._tag)

const names = (user: User | null | undefined) => user?.tags?.map(({ name }) => name) ?? []

const nobody = UserId.make(9_999)
const nowhere = ConversationId.make(9_999)

afterEach(() => {
  vi.unstubAllGlobals()
})

describe("the REST services against the sandbox", () => {
  it.effect("a visitor asks the robot, and rates its answers", () =>
    Effect.gen(function* () {
      yield* Effect.gen(function* () {
        const api = yield* ConversationApi
        const robot = yield* RobotApi
        yield* users((user) => user.updateMe({ nickname: "陈晨", favouriteColour: "blue" }))
        const me = yield* users((user) => user.me)
        assert.deepInclude(me, { nickname: "陈晨", userType: "CUSTOMER", favouriteColour: "blue" })

        const begun = yield* api.request({ subChannelId: SubChannelId.make(1) })
        assert.strictEqual(begun.state, "ACTIVE")
        assert.strictEqual(begun.subChannelId, SubChannelId.make(1))
        assert.strictEqual(begun.customer?.id, me.id)
        const asked = yield* Realtime.use((realtime) => realtime.send({ messageType: "Text", content: "多久发货？" }))
        const { messages } = yield* api.get(begun.id)
        assert.deepStrictEqual((yield* api.current)[0]?.messages, messages)
        const answer = messages.find((message) => message.messageType === "RobotCanAnswerMessage")
        assert.isDefined(answer)
        yield* robot.like(answer?.id ?? MessageId.make(0))
        yield* robot.dislike(answer?.id ?? MessageId.make(0))
        const own = yield* Effect.flip(robot.like(asked.messageId ?? MessageId.make(0)))
        assert.deepInclude(own.reason, { _tag: "InvalidRequest", field: "id" })
        assert.deepStrictEqual(yield* api.pendingPosition(begun.id), { position: 0 })
        assert.deepStrictEqual(yield* api.pendingCount, { count: 0 })
        assert.isAtLeast((yield* api.count()).active ?? 0, 1)
        assert.isAtLeast((yield* api.list({ state: "ACTIVE", search: "发货" })).conversations.length, 1)
        assert.isAbove(
          (yield* robot.suggestions({ query: "发货", subChannelId: SubChannelId.make(1) })).questions.length,
          0
        )
        const { faqs, total } = yield* robot.hotFaqs({ limit: 2, page: 2 })
        assert.strictEqual(faqs.length, 2)
        assert.isAbove(total ?? 0, 2)
        assert.strictEqual((yield* ChannelApi.use((channels) => channels.subChannel(SubChannelId.make(1)))).id, 1)
      }).pipe(chen)
      const [known] = (yield* Sandbox.use((sandbox) => sandbox.knowledge)).filter(({ dislikes }) => dislikes === 1)
      assert.strictEqual(known?.likes, 0)
    }).pipe(Effect.provide(Sandbox.layer()))
  )

  it.effect("staff serve a customer, write notes and transfer the conversation; the visitor rates", () =>
    Effect.gen(function* () {
      const customer = yield* chen(users((user) => user.me))
      const sandbox = yield* Sandbox
      const { id } = yield* li(
        Effect.gen(function* () {
          const api = yield* ConversationApi
          const user = yield* UserApi
          const begun = yield* api.request({ customerId: customer.id })
          assert.strictEqual(begun.customer?.id, customer.id)
          yield* api.update(begun.id, { remark: "急" })
          assert.strictEqual((yield* api.get(begun.id)).remark, "急")
          assert.isString((yield* api.visitInfo(begun.id)).pageUrl)

          const tag = yield* user.addTag(customer.id, { name: "大客户" })
          assert.strictEqual(tag.name, "大客户")
          yield* user.update(customer.id, { remark: "喜欢蓝色" })
          const tagged = (yield* api.get(begun.id)).customer
          assert.deepInclude(tagged, { remark: "喜欢蓝色" })
          assert.include(names(tagged), "大客户")
          yield* user.removeTag(customer.id, tag.id)
          assert.notInclude(names((yield* api.get(begun.id)).customer), "大客户")

          assert.deepStrictEqual((yield* user.transferTargets({ search: "王" })).users, [], "王磊 is offline")
          yield* sandbox.connect({ token: "staff-wang-token" })
          const { users: targets } = yield* user.transferTargets({ search: "王" })
          const wang = targets[0]?.id ?? nobody
          yield* api.transfer(begun.id, { userId: wang })
          assert.strictEqual((yield* api.get(begun.id)).lastStaff?.id, wang)

          const { count, url } = yield* api.exportHistory({ conversationIds: [begun.id] })
          assert.strictEqual(count, 1)
          assert.match(url ?? "", /^http.*\.csv$/)
          return begun
        })
      )
      yield* chen(
        Effect.gen(function* () {
          const api = yield* RatingApi
          const { ratings } = yield* api.list
          const best = ratings.find(({ score }) => score === 5)
          const ratingTagIds = best?.tags.map((tag) => tag.id) ?? []
          assert.deepStrictEqual(yield* api.rate({ score: 5, suggestion: "谢谢", ratingTagIds }), {
            score: 5,
            conversationId: id
          })
          const again = yield* Effect.flip(api.rate({ score: 5 }))
          assert.strictEqual(again.reason._tag, "Conflict")
          const odd = yield* Effect.flip(api.rate({ score: 5, ratingTagIds: [RatingTagId.make(999)] }))
          assert.deepInclude(odd.reason, { _tag: "InvalidRequest", field: "rating_tag_ids" })
        })
      )
      yield* zhao(
        Effect.gen(function* () {
          const api = yield* ConversationApi
          yield* api.terminate(id)
          assert.deepInclude(yield* api.get(id), { state: "FINISHED", endReason: 4 })
          const twice = yield* Effect.flip(api.terminate(id))
          assert.strictEqual(twice.reason._tag, "Conflict")
          const { conversations: all } = yield* api.list({ showAll: true, state: "FINISHED", limit: 100 })
          assert.include(
            all.map((conversation) => conversation.id),
            id
          )
        })
      )
    }).pipe(Effect.scoped, Effect.provide(Sandbox.layer()))
  )

  it.effect("quick replies are added, changed and removed", () =>
    Effect.gen(function* () {
      const api = yield* QuickReplyApi
      const { commonWords: shared } = yield* api.list
      const added = yield* api.add({ title: "再见", content: "祝您生活愉快" })
      yield* api.update(added.id, { content: "再见！" })
      assert.deepInclude((yield* api.list).commonWords.at(-1), { id: added.id, title: "再见", content: "再见！" })
      yield* api.remove(added.id)
      assert.deepStrictEqual((yield* api.list).commonWords, shared)
      const common = yield* Effect.flip(api.remove(shared[0]?.id ?? QuickReplyId.make(0)))
      assert.strictEqual(common.reason._tag, "Forbidden")
      const gone = yield* Effect.flip(api.update(added.id, {}))
      assert.strictEqual(gone.reason._tag, "NotFound")
    }).pipe(li, Effect.provide(Sandbox.layer()))
  )

  it.effect("callers without permission get Forbidden", () =>
    Effect.gen(function* () {
      const { id } = yield* chen(conversations((api) => api.request({})))
      const me = yield* chen(users((api) => api.me))
      for (const forbidden of [
        chen(users((api) => api.transferTargets())),
        chen(users((api) => api.addTag(me.id, { name: "a" }))),
        chen(users((api) => api.removeTag(me.id, TagId.make(1)))),
        chen(users((api) => api.update(UserId.make(2), { nickname: "a" }))),
        chen(QuickReplyApi.use((api) => api.list)),
        chen(conversations((api) => api.terminate(id))),
        chen(conversations((api) => api.transfer(id, { userId: me.id }))),
        chen(conversations((api) => api.update(id, { remark: "" }))),
        chen(conversations((api) => api.exportHistory({}))),
        chen(conversations((api) => api.list({ showAll: true }))),
        alice(conversations((api) => api.get(id))),
        alice(conversations((api) => api.visitInfo(id))),
        alice(conversations((api) => api.pendingPosition(id))),
        alice(conversations((api) => api.request({ customerId: me.id }))),
        li(conversations((api) => api.terminate(id))),
        li(RatingApi.use((api) => api.rate({ score: 1 })))
      ]) {
        assert.strictEqual(yield* refused(forbidden), "Forbidden")
      }
      for (const missing of [
        zhao(conversations((api) => api.get(nowhere))),
        zhao(conversations((api) => api.terminate(nowhere))),
        li(users((api) => api.addTag(nobody, { name: "a" }))),
        li(users((api) => api.update(nobody, {}))),
        li(conversations((api) => api.request({ customerId: nobody }))),
        chen(RobotApi.use((api) => api.like(MessageId.make(9_999)))),
        chen(ChannelApi.use((api) => api.subChannel(SubChannelId.make(999))))
      ]) {
        assert.strictEqual(yield* refused(missing), "NotFound")
      }
      assert.strictEqual(yield* refused(as("nobody's")(users((api) => api.me))), "Unauthorized")
    }).pipe(Effect.provide(Sandbox.layer()))
  )

  describe("uploads", () => {
    const picture = Uint8Array.from({ length: 200_000 }, (_, index) => index % 253)
    const file = { filename: "照片 1.png", contentType: "image/png", bytes: picture }

    const download = (url: string) =>
      Effect.gen(function* () {
        const { httpClient } = yield* Sandbox
        const response = yield* httpClient.get(new URL(url, origin))
        return { type: response.headers["content-type"], bytes: new Uint8Array(yield* response.arrayBuffer) }
      })

    it.effect("can be downloaded from their URL, byte for byte", () =>
      Effect.gen(function* () {
        const { bytes, ...named } = file
        for (const source of [
          file,
          new File([bytes], file.filename, { type: file.contentType }),
          { ...named, byteSize: bytes.byteLength, stream: Stream.make(bytes) }
        ]) {
          const { url } = yield* chen(UploadApi.use((api) => api.upload(source)))
          assert.deepStrictEqual(yield* download(url), { type: "image/png", bytes: picture })
        }
      }).pipe(Effect.provide(Sandbox.layer()))
    )

    it.effect("report their progress", () =>
      Effect.gen(function* () {
        const events = yield* Effect.flatMap(UploadApi, (api) => Stream.runCollect(api.uploadWithProgress(file)))
        assert.deepStrictEqual(
          events.map((event) => (event._tag === "Progress" ? event.loaded : event._tag)),
          [0, 65_536, 131_072, 196_608, 200_000, "Uploaded"]
        )
      }).pipe(chen, Effect.provide(Sandbox.layer()))
    )

    it.effect("that are too large fail with UploadTooLarge", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(UploadApi.use((api) => api.upload(file)))
        assert.deepInclude(error.reason, { _tag: "UploadTooLarge", byteSize: 200_000 })
      }).pipe(chen, Effect.provide(Sandbox.layer({ maxUploadBytes: 1_000 })))
    )

    it.effect("stay in memory in a test DOM, which has an XMLHttpRequest", () =>
      Effect.gen(function* () {
        vi.stubGlobal("XMLHttpRequest", function toTheNetwork() {
          throw new Error("to the network")
        })
        const { url } = yield* chen(UploadApi.use((api) => api.upload(file)))
        assert.deepStrictEqual((yield* download(url)).bytes, picture)
      }).pipe(Effect.provide(Sandbox.layer()))
    )
  })
})
