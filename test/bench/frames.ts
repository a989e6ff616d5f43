/**
 * The cost of decoding one frame, and of decoding a page of conversations.
 */
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import { ServerFrameJson } from "../../src/wire/Frame.ts"
import { type Effort, microseconds, type Row } from "./measure.ts"
import { message } from "./network.ts"

const media = { url: "https://cdn.example.com/a.png", filename: "a.png", content_type: "image/png", byte_size: 1234 }

const text = message(123456)

/** Every kind of frame with the greatest multiple of `JSON.parse` that it may cost. */
const kinds = {
  text: [{ event_type: 101, payload: text }, 3],
  "text with unknown fields": [{ event_type: 101, payload: { ...text, trace_info: { span_id: "a" }, sort_key: 1 } }, 5],
  image: [{ event_type: 101, payload: { ...text, message_type: 2, content: media } }, 5],
  "robot's text": [{ event_type: 101, payload: { ...text, message_type: 7 } }, 5],
  ack: [{ event_type: 103, payload: { sequence_id: 12, message_id: 123456 } }, 5]
} as const

const decode = Schema.decodeUnknownExit(ServerFrameJson)

export const rows = async (effort: Effort): Promise<ReadonlyArray<Row>> => {
  const found: Array<Row> = []
  for (const [kind, [frame, goal]] of Object.entries(kinds)) {
    const json = JSON.stringify(frame)
    // An invalid sample would measure the creation of errors.
    if (Exit.isFailure(decode(json))) throw new Error(`the sample "${kind}" is wrong`)
    const batch = (run: () => unknown) => () => {
      for (let at = 0; at < 100; at++) run()
    }
    const others = await microseconds(
      effort,
      100,
      batch(() => JSON.parse(json) as unknown)
    )
    const ours = await microseconds(
      effort,
      100,
      batch(() => decode(json))
    )
    found.push({
      what: `decoding: ${kind}`,
      unit: "us",
      ours,
      other: { name: "JSON.parse", value: others },
      goal: goal * others
    })
  }
  return found
}
