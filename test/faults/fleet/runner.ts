/** The process of a runner, whose accounts are called by their tokens. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Layer from "effect/Layer"
import * as KefuRunner from "../../../src/cluster/KefuRunner.ts"
import { database, type Part, sharding } from "./Settings.ts"

const { baseUrl, databasePort, port }: Part = JSON.parse(process.argv[2] ?? "")

const runner = KefuRunner.layer({
  address: { host: "127.0.0.1", port },
  session: (token) => ({ baseUrl, token, reconnect: { cap: 2000 }, outbox: { lifetime: "10 minutes" } }),
  sharding,
  dialsPerSecond: 100
}).pipe(Layer.provide(database(databasePort)))

NodeRuntime.runMain(Layer.launch(runner))
