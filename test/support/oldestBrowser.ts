/**
 * Takes from this process what the oldest browsers of the READMEs lack: imported before a program, it runs as there.
 */
import { newer } from "./newerThanOldest.ts"

for (const [owner, names] of Object.entries(newer).toReversed()) {
  let holder: object | undefined = globalThis
  for (const part of owner.split(".")) if (part !== "") holder = Reflect.get(holder ?? {}, part) as object | undefined
  for (const name of names) if (holder !== undefined) Reflect.deleteProperty(holder, name)
}
