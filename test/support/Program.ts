/** The program `effect-kefu`, as a process. */
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import * as Path from "node:path"

const bin = Path.join(import.meta.dirname, "../../src/cli/bin.ts")

/** The program, in its own process. `node` are options of Node. */
export const run = (
  args: ReadonlyArray<string>,
  {
    cwd,
    env,
    node = []
  }: {
    readonly cwd?: string
    readonly env?: Readonly<Record<string, string>>
    readonly node?: ReadonlyArray<string>
  } = {}
) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn(process.execPath, [...node, bin, ...args], {
        stdio: ["ignore", "pipe", "pipe"],
        env: { ...process.env, ...env },
        ...(cwd === undefined ? {} : { cwd })
      })
      let output = ""
      const watchers = new Set<() => void>()
      for (const stream of [child.stdout, child.stderr]) {
        stream.on("data", (data) => {
          output += String(data)
          for (const watcher of watchers) watcher()
        })
      }
      const exited = new Promise<number | null>((resolve) => child.once("close", resolve))
      return {
        kill: (signal: NodeJS.Signals) => child.kill(signal),
        exit: Effect.promise(() => exited),
        output: () => output,
        /** Waits for an output; fails when the program ends without it. */
        until: (pattern: RegExp) =>
          Effect.raceFirst(
            Effect.callback<string>((resume) => {
              const watcher = () => {
                const found = pattern.exec(output)?.[1]
                if (found !== undefined) resume(Effect.succeed(found))
              }
              watchers.add(watcher)
              watcher()
              return Effect.sync(() => watchers.delete(watcher))
            }),
            Effect.flatMap(
              Effect.promise(() => exited),
              (code) => Effect.die(`the program ended with ${code}: ${output}`)
            )
          )
      }
    }),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )
