/** A small bot: it answers every text of a visitor, and says who it is. `fleet.json` names it. */
import type { FleetHandler } from "../../src/cluster/FleetEvent.ts"

const hours = "我们的工作时间是每天 9:00 到 21:00。"

const handler: FleetHandler = async ({ message }, account) => {
  if (message.messageType !== "Text") return
  const answer = /几点|时间|hours/i.test(message.content) ? hours : `收到：${message.content}`
  await account.send(`${answer}（${account.name}）`)
}

export default handler
