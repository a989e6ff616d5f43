/**
 * Invalid input of every kind, over real HTTP and real sockets: its sender gets a clear error, and the same two people
 * keep talking over the same two connections.
 */
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import {
  ConversationId,
  MenuItemId,
  MessageId,
  QuickReplyId,
  RatingTagId,
  SubChannelId,
  TagId,
  UserId
} from "../src/domain/Id.ts"
import type { KefuError } from "../src/KefuError.ts"
import type { Counter } from "../src/sandbox/Counters.ts"
import { Fate, FaultHooks, noFaults } from "../src/sandbox/faults/FaultHooks.ts"
import { Sandbox } from "../src/sandbox/Sandbox.ts"
import * as SandboxNode from "../src/sandbox/doors/SandboxNode.ts"
import { connected, connectionOf, failure, Pair, talk, text, unharmed } from "./support/Pair.ts"
import * as Person from "./support/Person.ts"

const maxBodyBytes = 20_000
const maxFrameBytes = 10_000
const maxUploadBytes = 100_000

/** Must not appear in any error or log. */
const secret = "s3cret"
const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels)

/** What arrives at the sandbox instead of the message "mangle n". */
const mangled: ReadonlyArray<readonly [what: string, frame: string, counted: Counter]> = [
  ["a frame that is cut short", '{"sequence_id":1,"event_type":101,"payl', "malformedFrames"],
  ["no JSON", "hello", "malformedFrames"],
  ["nothing", "", "malformedFrames"],
  ["null", "null", "malformedFrames"],
  ["a string", '"ping"', "malformedFrames"],
  ["a list", "[]", "unknownEvents"],
  ["an unknown event", '{"sequence_id":1,"event_type":999,"payload":{}}', "unknownEvents"],
  ["an event that is no number", '{"sequence_id":1,"event_type":"101","payload":{}}', "unknownEvents"],
  ["an event of the other direction", '{"sequence_id":1,"event_type":301,"payload":{}}', "undecodableFrames"],
  ["no sequence id", '{"event_type":201,"payload":"ping"}', "undecodableFrames"],
  ["a broken sequence id", '{"sequence_id":1.5,"event_type":201,"payload":"ping"}', "undecodableFrames"],
  ["no payload", '{"sequence_id":1,"event_type":104}', "undecodableFrames"],
  ["a message without a type", '{"sequence_id":1,"event_type":101,"payload":{"content":"x"}}', "undecodableFrames"],
  [
    "a message that only the system sends",
    '{"sequence_id":1,"event_type":101,"payload":{"message_type":104,"content":{"reason":1}}}',
    "undecodableFrames"
  ],
  ["an id that is text", '{"sequence_id":1,"event_type":104,"payload":{"message_id":"7"}}', "undecodableFrames"],
  [
    "endless nesting",
    `{"sequence_id":1,"event_type":101,"payload":{"message_type":2,"content":{"url":"u","x":${nested(4000)}}}}`,
    "undecodableFrames"
  ]
]

/** Responses that replace the sandbox's own. */
const answers = new Map<string, HttpServerResponse.HttpServerResponse>()

const hooks: FaultHooks = {
  ...noFaults,
  link: () =>
    Effect.succeed({
      inbound: (frame) => {
        const index = /"content":"mangle (\d+)"/.exec(frame)?.[1]
        return Effect.succeed([Fate.deliver(index === undefined ? frame : (mangled[Number(index)]?.[1] ?? frame))])
      },
      outbound: (frame) => Effect.succeed([Fate.deliver(frame)])
    }),
  request: ({ method, path }, handle) =>
    Effect.suspend(() => {
      const answer = answers.get(`${method} ${path}`)
      return answer === undefined ? handle : Effect.succeed(answer)
    })
}

const counters = Sandbox.use((sandbox) => sandbox.counters)

const wrongFrames = ["malformedFrames", "unknownEvents", "undecodableFrames"] as const

const timeout = 60_000

const Served = SandboxNode.layer({ maxBodyBytes, maxFrameBytes, maxUploadBytes }).pipe(
  Layer.provide(Layer.succeed(FaultHooks, hooks))
)

// Skipped frames are logged as warnings, which this test does not assert.
const Quiet = Logger.layer([])

layer(Pair.layer.pipe(Layer.provideMerge(Served), Layer.provide(Quiet)), { excludeTestServices: true, timeout })(
  "wrong input",
  (it) => {
    for (const [what, token, detail] of [
      ["an unknown token", "nonsense", "The token is unknown"],
      ["an empty token", "", "no bearer token"],
      ["a token with a space", "staff li", "The token is unknown"],
      ["a token that no header may hold", "密钥", "characters that no header may hold"],
      ["a token that would be a header", "x\r\nauthorization: Bearer y", "characters that no header may hold"]
    ] as const) {
      it.effect(
        `${what} is Unauthorized, for calls and dials`,
        () =>
          Effect.gen(function* () {
            const nobody = yield* Person.session("nobody", { token })
            const error = yield* unharmed(what, failure(nobody.users.me))
            assert.strictEqual(error.reason._tag, "Unauthorized")
            assert.include(error.message, detail)
            const dialled = yield* unharmed(what, failure(nobody.realtime.open))
            assert.strictEqual(dialled.reason._tag, "Unauthorized")
            assert.include(dialled.message, detail)
            assert.strictEqual((yield* nobody.realtime.state)._tag, "Closed")
            assert.strictEqual((yield* failure(nobody.realtime.send(text("?")))).reason._tag, "Unauthorized")
          }),
        timeout
      )
    }

    it.effect(
      "a refused token is replaced once, and the call succeeds",
      () =>
        Effect.gen(function* () {
          const { stranger } = yield* Pair
          let given = 0
          const token = Effect.sync(() => (given++ === 0 ? "nonsense" : "staff-wang-token"))
          const wang = yield* Person.session("王磊", { token })
          assert.strictEqual((yield* wang.users.me).nickname, "王磊")
          yield* wang.realtime.open
          assert.strictEqual(given, 2)
          yield* stranger.users.me
        }),
      timeout
    )

    it.effect(
      "a revoked token fails calls, and does not close the open connection",
      () =>
        Effect.gen(function* () {
          const sandbox = yield* Sandbox
          const { token } = yield* sandbox.createVisitor()
          const visitor = yield* Person.join("a visitor", { token })
          yield* visitor.realtime.open
          yield* sandbox.revokeToken(token)
          const error = yield* failure(visitor.users.me)
          assert.deepInclude(error.reason, {
            _tag: "Unauthorized",
            detail: "The token is unknown; the token is fixed, so it cannot be refreshed"
          })
          yield* visitor.realtime.send(text("你好"))
          yield* visitor.hear("RobotChitchatMessage")
        }),
      timeout
    )

    it.effect(
      "a refused call reports the reason and the invalid field",
      () =>
        Effect.gen(function* () {
          const { admin, staff, stranger, visitor } = yield* Pair
          const foreign = yield* stranger.conversationId
          const { messages } = yield* stranger.conversations.get(foreign)
          const menu = messages.find(({ messageType }) => messageType === "ChannelMenu")?.id ?? MessageId.make(0)
          const newcomer = yield* Person.session("a newcomer")
          const own = yield* visitor.conversationId
          const nobody = UserId.make(9_999)
          const past = (yield* stranger.conversations.list({ state: "FINISHED" })).conversations[0]?.id ?? foreign

          const put = (body: string, type = "application/json") =>
            visitor.transport.httpClient.execute(
              HttpClientRequest.put("/api/v1/im/users/me").pipe(HttpClientRequest.bodyText(body, type))
            )
          const invalid = (field: string, detail: string) => ({ _tag: "InvalidRequest", field, detail })
          const forbidden = (detail: string) => ({ _tag: "Forbidden", detail })
          const notFound = (detail: string) => ({ _tag: "NotFound", detail })
          const conflict = (detail: string) => ({ _tag: "Conflict", detail })

          const calls: ReadonlyArray<readonly [what: string, Effect.Effect<unknown, KefuError>, reason: object]> = [
            // Rejected by our own schemas: nothing is sent.
            ["a score of 9", visitor.ratings.rate({ score: 9 }), { _tag: "InvalidRequest", field: "score" }],
            ["half a score", visitor.ratings.rate({ score: 4.5 }), { _tag: "InvalidRequest", field: "score" }],
            ["no id", visitor.conversations.get(NaN as ConversationId), { _tag: "InvalidRequest", field: "id" }],
            [
              "a file of no bytes at all",
              visitor.uploads.upload({ filename: "", contentType: "", bytes: new Uint8Array(0) }),
              { _tag: "InvalidRequest", field: "file" }
            ],

            // Bad bodies and queries.
            ["a body that is cut short", put('{"nickname":'), invalid("", "Expected a valid JSON body")],
            ["a body of another kind", put("[]"), invalid("", "The body is wrong: Expected object")],
            ["no JSON", put("<nickname/>", "application/xml"), invalid("", "The body must be application/json")],
            ["a name that is a number", put('{"nickname":7}'), invalid("nickname", "Expected string")],
            ["an empty name", visitor.users.updateMe({ nickname: " " }), invalid("nickname", "cannot be empty")],
            ["endless nesting", put(`{"x":${nested(5_000)}}`), invalid("", "nests deeper than 500 levels")],
            [
              "a rating tag that is none",
              visitor.ratings.rate({ score: 5, ratingTagIds: [RatingTagId.make(99)] }),
              invalid("rating_tag_ids", "There is no rating tag 99")
            ],
            ["page 0", visitor.conversations.list({ page: 0 }), invalid("page", "whole number from 1, got 0")],
            [
              "pages of nothing",
              visitor.conversations.list({ limit: 0 }),
              invalid("limit", "whole number from 1, got 0")
            ],
            // @ts-expect-error -- an order is DESC or ASC
            ["an odd order", visitor.conversations.list({ order: "sideways" }), invalid("order", "got sideways")],
            ["an odd filter", staff.conversations.count({ begin_at: "noon" }), invalid("begin_at", "finite number")],
            ["hot questions by 0", visitor.robot.hotFaqs({ limit: 0 }), invalid("limit", "whole number from 1, got 0")],
            ["a tag without a name", staff.users.addTag(visitor.me.id, {}), invalid("name", "A tag needs a name")],
            ["a tag on staff", admin.users.addTag(staff.me.id, { name: "x" }), invalid("id", "is not a customer")],
            ["an empty reply", staff.quickReplies.add({ content: "" }), invalid("content", "cannot be empty")],
            [
              "a transfer to nobody",
              staff.conversations.transfer(own, {}),
              invalid("user_id", "A transfer needs a recipient")
            ],
            ["a vote on a menu", stranger.robot.like(menu), invalid("id", "is not an answer of the robot")],

            // Unknown ids.
            ["an unknown conversation", visitor.conversations.get(ConversationId.make(9_999)), notFound("9999")],
            ["a negative conversation", visitor.conversations.get(ConversationId.make(-1)), notFound("-1")],
            ["an unknown customer", staff.conversations.request({ customerId: nobody }), notFound("no user 9999")],
            ["an unknown user", admin.users.update(nobody, {}), notFound("no user 9999")],
            ["an unknown colleague", staff.conversations.transfer(own, { userId: nobody }), notFound("9999")],
            ["an unknown tag", staff.users.removeTag(visitor.me.id, TagId.make(99)), notFound("the tag 99")],
            ["an unknown reply", staff.quickReplies.remove(QuickReplyId.make(99)), notFound("no quick reply 99")],
            ["an unknown answer", visitor.robot.like(MessageId.make(9_999)), notFound("no message 9999")],
            ["an unknown entrance", visitor.channels.subChannel(SubChannelId.make(9)), notFound("sub-channel 9")],
            ["an unknown end", admin.conversations.terminate(ConversationId.make(9_999)), notFound("9999")],

            // Things that belong to someone else.
            ["a foreign conversation", visitor.conversations.get(foreign), forbidden("not one of yours")],
            ["one that staff never served", staff.conversations.get(foreign), forbidden("not one of yours")],
            ["a foreign place", visitor.conversations.pendingPosition(foreign), forbidden("not one of yours")],
            ["a foreign visit", visitor.conversations.visitInfo(foreign), forbidden("not one of yours")],
            ["a foreign answer", visitor.robot.dislike(menu), forbidden("not one of yours")],
            ["a foreign profile", visitor.users.update(stranger.me.id, { nickname: "x" }), forbidden("may not change")],
            [
              "a request for somebody else",
              visitor.conversations.request({ customerId: stranger.me.id }),
              forbidden("only ask for their own")
            ],
            [
              "an export of what one never served",
              staff.conversations.exportHistory({ conversationIds: [foreign] }),
              forbidden("not one of yours")
            ],

            // The wrong role.
            ["an end by a visitor", visitor.conversations.terminate(own), forbidden("Only administrators")],
            ["an end by staff", staff.conversations.terminate(own), forbidden("Only administrators")],
            ["a remark by a visitor", visitor.conversations.update(own, { remark: "x" }), forbidden("Only staff")],
            ["a transfer by a visitor", visitor.conversations.transfer(own, {}), forbidden("Only staff")],
            ["an export by a visitor", visitor.conversations.exportHistory({}), forbidden("Only staff")],
            ["everything, for a visitor", visitor.conversations.list({ showAll: true }), forbidden("administrators")],
            ["colleagues of a visitor", visitor.users.transferTargets(), forbidden("Only staff")],
            ["tags by a visitor", visitor.users.addTag(visitor.me.id, { name: "VIP" }), forbidden("Only staff")],
            ["replies of a visitor", visitor.quickReplies.list, forbidden("Only staff")],
            ["a common reply", staff.quickReplies.remove(QuickReplyId.make(1)), forbidden("Only administrators")],
            ["a rating by staff", staff.ratings.rate({ score: 5 }), forbidden("Only visitors")],
            ["service by an admin", admin.conversations.request({}), forbidden("do not serve")],

            // The wrong state.
            ["a second end", admin.conversations.terminate(past), conflict("has ended")],
            ["a transfer to oneself", staff.conversations.transfer(own, { userId: staff.me.id }), conflict("already")],
            ["a rating of nobody", newcomer.ratings.rate({ score: 5 }), conflict("no conversation with staff")]
          ]
          assert.strictEqual((yield* visitor.conversations.list({ limit: 1_000 })).limit, 100)
          for (const [what, call, reason] of calls) {
            const error = yield* unharmed(what, failure(call))
            const { detail: expected = "", ...rest } = reason as { readonly detail?: string }
            assert.deepInclude({ ...error.reason }, rest, what)
            assert.include(error.reason.message, expected, what)
          }
        }),
      timeout
    )

    it.effect(
      "a refused command is not acknowledged, and the sandbox records the reason",
      () =>
        Effect.gen(function* () {
          const { refusals } = yield* Sandbox
          const { staff, stranger, visitor } = yield* Pair
          const foreign = yield* stranger.conversationId
          const theirs = (yield* stranger.conversations.get(foreign)).messages[0]?.id ?? MessageId.make(0)
          const { messageId } = yield* staff.realtime.send({ ...text("my own"), toId: visitor.me.id })
          const commands: ReadonlyArray<
            readonly [
              what: string,
              by: Person.Person,
              Effect.Effect<unknown, KefuError>,
              command: string,
              error: string
            ]
          > = [
            ["closing", visitor, visitor.realtime.closeConversation(foreign), "CloseConversation", "Forbidden"],
            [
              "closing what is not",
              visitor,
              visitor.realtime.closeConversation(ConversationId.make(9_999)),
              "CloseConversation",
              "NotFound"
            ],
            [
              "typing",
              visitor,
              visitor.realtime.inputting({ content: "…", conversationId: foreign }),
              "Inputting",
              "Forbidden"
            ],
            ["reading", visitor, visitor.realtime.read(theirs), "Read", "Forbidden"],
            ["recalling", visitor, visitor.realtime.recall(messageId), "Recall", "Forbidden"],
            ["recalling what is not", visitor, visitor.realtime.recall(MessageId.make(9_999)), "Recall", "NotFound"],
            ["inviting as a visitor", visitor, visitor.realtime.inviteRate(visitor.me.id), "InviteRate", "Forbidden"],
            ["inviting strangers", staff, staff.realtime.inviteRate(stranger.me.id), "InviteRate", "Conflict"],
            [
              "choosing what is not",
              visitor,
              visitor.realtime.selectMenuItem(MenuItemId.make(9_999)),
              "SelectMenuItem",
              "NotFound"
            ],
            [
              "choosing as staff",
              staff,
              staff.realtime.selectMenuItem(MenuItemId.make(1)),
              "SelectMenuItem",
              "Forbidden"
            ],
            ["writing to nobody", staff, staff.realtime.send(text("?")), "Message", "BadRequest"],
            [
              "writing to strangers",
              staff,
              staff.realtime.send({ ...text("?"), toId: stranger.me.id }),
              "Message",
              "Conflict"
            ]
          ]
          const waiting: Array<Fiber.Fiber<KefuError>> = []
          for (const [what, by, run, command, error] of commands) {
            waiting.push(yield* unharmed(what, Effect.forkScoped(failure(run), { startImmediately: true })))
            // The valid message followed on the same connection, so the refusal preceded it.
            const last = (yield* refusals).at(-1)
            assert.deepInclude(last, { userId: by.me.id, command, error }, what)
          }
          for (const fiber of waiting) {
            const { reason } = yield* Fiber.join(fiber)
            assert.strictEqual(reason._tag, "AckTimeout")
          }
        }),
      timeout
    )

    it.effect(
      "frames that the sandbox cannot read are skipped and counted",
      () =>
        Effect.gen(function* () {
          const { visitor } = yield* Pair
          const waiting: Array<Fiber.Fiber<KefuError>> = []
          for (const [index, [what, , counted]] of mangled.entries()) {
            const before = yield* counters
            const send = failure(visitor.realtime.send(text(`mangle ${index}`)))
            waiting.push(yield* unharmed(what, Effect.forkScoped(send, { startImmediately: true })))
            const after = yield* counters
            assert.deepStrictEqual(
              wrongFrames.map((name) => after[name] - before[name]),
              wrongFrames.map((name) => (name === counted ? 1 : 0)),
              what
            )
          }
          for (const fiber of waiting) assert.strictEqual((yield* Fiber.join(fiber)).reason._tag, "AckTimeout")
        }),
      timeout
    )

    it.effect(
      "frames that the client cannot read are reported, and have no other effect",
      () =>
        Effect.gen(function* () {
          const { connections } = yield* Sandbox
          const { visitor } = yield* Pair
          const message = (fields: string) => `{"event_type":101,"payload":{${fields}}}`
          const unreadable: ReadonlyArray<readonly [what: string, frame: string]> = [
            ["a frame that is cut short", `{"event_type":101,"payload":{"content":"${secret}`],
            ["a page", `<html>${secret}</html>`],
            ["nothing", ""],
            ["null", "null"],
            ["a number", "42"],
            ["a string", `"${secret}"`],
            ["a list", `["${secret}"]`],
            ["an empty object", "{}"],
            ["an event that is no number", `{"event_type":"message","payload":"${secret}"}`],
            ["a broken event", '{"event_type":101.5}'],
            ["endless nesting", nested(100_000)]
          ]
          const unknown: ReadonlyArray<readonly [what: string, frame: string, code: number]> = [
            ["an unknown event", '{"event_type":999,"payload":{"some_key":1}}', 999],
            ["an unknown event without a payload", '{"event_type":-1}', -1],
            ["an event of the other direction", '{"event_type":201,"payload":"ping"}', 201],
            ["a message that is none", '{"event_type":101,"payload":"hello"}', 101],
            ["a message without an id", message('"conversation_id":1,"message_type":1,"content":"x"'), 101],
            ["a message of no conversation", message('"id":99999,"message_type":1,"content":"x"'), 101],
            ["a batch that is none", '{"event_type":102,"payload":{}}', 102],
            ["a batch of nonsense", '{"event_type":102,"payload":[1]}', 101],
            ["an event in digits of a message that is none", '{"event_type":"101","payload":"hello"}', 101],
            ["an ack of nothing", '{"event_type":103,"payload":{}}', 103],
            ["an ack that is no number", '{"event_type":103,"payload":{"sequence_id":"one"}}', 103],
            ["a receipt without a conversation", '{"event_type":104,"payload":{"message_id":1}}', 104],
            ["a receipt of words", '{"event_type":104,"payload":{"message_id":"one","conversation_id":1}}', 104],
            ["typing nowhere", '{"event_type":105,"payload":{"content":"x"}}', 105],
            ["hostile keys", '{"event_type":999,"payload":{"__proto__":{"polluted":1},"constructor":1}}', 999],
            ["a very long event", `{"event_type":999,"payload":"${"长".repeat(300_000)}"}`, 999],
            ["an endlessly nested event", `{"event_type":999,"payload":${nested(100_000)}}`, 999]
          ]
          const inject = Effect.fnUntraced(function* (frame: string) {
            for (const connection of yield* connections) {
              if (connection.userId === visitor.me.id) yield* connection.inject(frame)
            }
          })
          for (const [what, frame] of unreadable) {
            const { detail } = yield* unharmed(what, Effect.andThen(inject(frame), visitor.next("Undecodable")))
            assert.isNotEmpty(detail, what)
            assert.notInclude(detail, secret, what)
          }
          for (const [what, frame, code] of unknown) {
            const event = yield* unharmed(what, Effect.andThen(inject(frame), visitor.next("UnknownReceived")))
            assert.strictEqual(event.eventTypeCode, code, what)
          }
          assert.notProperty({}, "polluted")
          const receipt = '{"event_type":104,"payload":{"message_id":"1","conversation_id":"2"}}'
          const read = yield* unharmed(
            "a receipt of digits",
            Effect.andThen(inject(receipt), visitor.next("MessagesRead"))
          )
          assert.deepStrictEqual([Number(read.messageId), Number(read.conversationId)], [1, 2])
          const draft = '{"event_type":105,"payload":{"content":5,"conversation_id":1}}'
          const typing = yield* unharmed("typing a number", Effect.andThen(inject(draft), visitor.next("Inputting")))
          assert.isUndefined(typing.payload.content)
          yield* unharmed("an ack of what was never sent", inject('{"event_type":103,"payload":{"sequence_id":99999}}'))
        }),
      timeout
    )

    it.effect(
      "responses that the client cannot read are reported as such",
      () =>
        Effect.gen(function* () {
          const { visitor } = yield* Pair
          const json = (body: string, status = 200) =>
            HttpServerResponse.text(body, { status, contentType: "application/json" })
          const me = "GET /api/v1/im/users/me"
          const current = "GET /api/v1/im/current_list"
          const { current: list } = visitor.conversations
          const cases: ReadonlyArray<
            readonly [
              what: string,
              route: string,
              answer: HttpServerResponse.HttpServerResponse,
              call: Effect.Effect<unknown, KefuError>,
              reason: object
            ]
          > = [
            [
              "a page",
              me,
              HttpServerResponse.html("<html>"),
              visitor.users.me,
              { path: "", detail: "the body is not JSON" }
            ],
            ["half an answer", me, json('{"id":1,'), visitor.users.me, { path: "", detail: "the body is not JSON" }],
            ["no answer", me, HttpServerResponse.empty(), visitor.users.me, { path: "id" }],
            ["an id that is text", me, json('{"id":"x","user_type":"STAFF"}'), visitor.users.me, { path: "id" }],
            ["an object for a list", current, json("{}"), list, { path: "" }],
            ["half a list", current, json('[{"id":1,"state":"ACTIVE"}'), list, { detail: "the body is not JSON" }],
            ["a redirect", me, HttpServerResponse.empty({ status: 304 }), visitor.users.me, { detail: "status 304" }],
            ["a broken proxy", me, json("<oops>", 500), visitor.users.me, { _tag: "ServerFault", status: 500 }]
          ]
          for (const [what, route, answer, call, reason] of cases) {
            const wrong = Effect.acquireUseRelease(
              Effect.sync(() => answers.set(route, answer)),
              () => failure(call),
              () => Effect.sync(() => answers.delete(route))
            )
            const error = yield* unharmed(what, wrong)
            assert.deepInclude({ ...error.reason }, { _tag: "UnexpectedResponse", ...reason }, what)
          }
        }),
      timeout
    )

    it.effect(
      "requests that are too large are reported as such",
      () =>
        Effect.gen(function* () {
          const { visitor } = yield* Pair
          const long = failure(visitor.users.updateMe({ remark: "长".repeat(maxBodyBytes / 3) }))
          const body = yield* unharmed("a long body", long)
          assert.deepInclude(body.reason, {
            _tag: "RequestTooLarge",
            detail: `The body has more than ${maxBodyBytes} bytes`
          })
          const bytes = new Uint8Array(maxUploadBytes + 1)
          const file = { filename: "a.bin", contentType: "application/octet-stream", bytes }
          const upload = yield* unharmed("a large file", failure(visitor.uploads.upload(file)))
          assert.deepInclude(upload.reason, { _tag: "UploadTooLarge", byteSize: bytes.length })
          assert.include(JSON.stringify(upload.response?.data), `at most ${maxUploadBytes}`)
        }),
      timeout
    )

    it.effect(
      "a message that is too large closes the connection with 1009, and the next one is sent over a new connection",
      () =>
        Effect.gen(function* () {
          const { staff, visitor } = yield* Pair
          const conversationId = yield* visitor.conversationId
          const { oversizedFrames } = yield* counters
          const staffSession = yield* connectionOf(staff)
          let session = Number(yield* connectionOf(visitor))
          const sends: ReadonlyArray<readonly [what: string, Effect.Effect<unknown, KefuError>]> = [
            ["a long message", visitor.realtime.send(text("长".repeat(maxFrameBytes / 3)))],
            ["one that is far too long", visitor.realtime.send(text("x".repeat(20 * maxFrameBytes)))],
            ["a long draft", visitor.realtime.inputting({ content: "x".repeat(maxFrameBytes), conversationId })],
            ["one from the outbox", visitor.outbox.send({ ...text("x".repeat(maxFrameBytes)), conversationId })]
          ]
          for (const [what, send] of sends) {
            const error = yield* failure(send)
            assert.strictEqual(error.reason._tag, "RequestTooLarge", what)
            assert.match(error.reason.message, /a frame of \d{5,6} bytes/, what)
            yield* connected(visitor, ++session)
            yield* talk(what)
          }
          assert.strictEqual(yield* connectionOf(visitor), session)
          assert.strictEqual(yield* connectionOf(staff), staffSession)
          // One exceeded the limit of the WebSocket server, and never reached the gateway.
          assert.strictEqual((yield* counters).oversizedFrames, oversizedFrames + sends.length - 1)
          const { messages } = yield* visitor.conversations.get(conversationId)
          assert.isTrue(messages.every(({ content }) => String(content).length < 100))
        }),
      timeout
    )
  }
)
