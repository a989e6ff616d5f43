/**
 * A session whose connection is shared with the other tabs of its login, where the platform allows that.
 */
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Socket from "effect/socket/Socket"
import type { InvalidRequest, KefuError } from "../../KefuError.ts"
import * as Kefu from "../../Kefu.ts"
import { find, SharedTabs, type Tabs } from "../../platform/tabs.ts"
import * as sharing from "./sharing.ts"

/** `Kefu.layerPlatform`, shared with the tabs of a login; without one, the token names it. */
export const layerShared = (
  options: Kefu.Options,
  tabs: Tabs,
  login?: string
): Layer.Layer<Kefu.Kefu, KefuError<InvalidRequest>, HttpClient.HttpClient | Socket.WebSocketConstructor> => {
  const sockets = Layer.effect(
    Socket.WebSocketConstructor,
    Effect.flatMap(Socket.WebSocketConstructor, (connect) => sharing.make({ tabs, connect, login }))
  )
  return Kefu.layerPlatform(options).pipe(Layer.provide(sockets), Layer.provide(Layer.succeed(SharedTabs, tabs)))
}

/** `Kefu.layer`, shared as the option of the client says. */
export const layer = (
  options: Kefu.Options,
  shareTabs: boolean | string | undefined
): Layer.Layer<Kefu.Kefu, KefuError<InvalidRequest>> => {
  const isShared = shareTabs === true || (typeof shareTabs === "string" && shareTabs !== "")
  const tabs = isShared ? find() : undefined
  if (tabs === undefined) return Kefu.layer(options)
  const login = typeof shareTabs === "string" ? shareTabs : undefined
  return Layer.provide(layerShared(options, tabs, login), Kefu.layerGlobals(options))
}
