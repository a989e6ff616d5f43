/** A progress bar on the standard error, where that is a terminal. */
import { TerminalCapabilities } from "effect/cli/TerminalCapabilities"
import * as Effect from "effect/Effect"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as text from "./text.ts"

const width = 30

/** A bar of `width` cells, the share in percent, and what is being done. */
const bar = (done: number, total: number, what: string): string => {
  const share = total <= 0 ? 1 : Math.min(1, done / total)
  const filled = Math.round(share * width)
  return `[${"#".repeat(filled)}${" ".repeat(width - filled)}] ${String(Math.round(share * 100)).padStart(3)} %  ${text.oneLine(what)}`
}

export const make = Effect.gen(function* () {
  const stdio = yield* Stdio.Stdio
  const visible = (yield* TerminalCapabilities).canAnimate && (yield* stdio.stderrIsTerminal)
  const write = (line: string) =>
    visible
      ? Effect.ignore(Stream.run(Stream.make(`\r\u001b[K${line}`), stdio.stderr({ endOnDone: false })))
      : Effect.void
  return {
    show: (done: number, total: number, what: string) => write(bar(done, total, what)),
    clear: write("")
  }
})
