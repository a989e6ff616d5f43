/**
 * Measures on a machine that others use, too: the processor time of this thread, in many short rounds, of which the
 * fastest counts.
 */

/** The name of `floor.ts` in the table. */
export const floorName = "least client over Effect"

/** How thoroughly to measure. */
export interface Effort {
  /** How many rounds; the fastest counts. */
  readonly rounds: number
  /** How long one round lasts at least, in milliseconds. */
  readonly roundMillis: number
}

/** The processor time of this thread so far, in microseconds. */
export const used = (): number => {
  const { system, user } = process.threadCpuUsage()
  return system + user
}

/** The time of one operation in microseconds; `batch` runs `size` of them. */
export const microseconds = async (effort: Effort, size: number, batch: () => unknown): Promise<number> => {
  const once = async () => {
    const result = batch()
    if (result instanceof Promise) await result
  }
  const warm = used() + effort.roundMillis * 2000
  while (used() < warm) await once()
  let best = Infinity
  for (let round = 0; round < effort.rounds; round++) {
    let runs = 0
    const began = used()
    let now = began
    for (; now - began < effort.roundMillis * 1000; now = used()) {
      for (let run = 0; run < 4; run++) await once()
      runs += 4
    }
    best = Math.min(best, (now - began) / (runs * size))
  }
  return best
}

/** One line of the table. */
export interface Row {
  readonly what: string
  readonly unit: string
  readonly ours: number
  /** What ours is compared with, measured in the same run. */
  readonly other?: { readonly name: string; readonly value: number } | undefined
  /** The greatest value of ours that meets the goal, in this run. */
  readonly goal?: number | undefined
}

const number = (value: number) =>
  Number.isInteger(value) || value >= 100 ? value.toFixed(0) : value.toFixed(value >= 10 ? 1 : 2)

const widthOf = (text: string) => Array.from(text).length

const cellsOf = (rows: ReadonlyArray<Row>): ReadonlyArray<ReadonlyArray<string>> => [
  ["what", "ours", "compared with", "theirs", "ratio", "goal", "met"],
  ...rows.map(({ goal, other, ours, unit, what }) => [
    what,
    `${number(ours)} ${unit}`.trim(),
    other?.name ?? "",
    other === undefined ? "" : `${number(other.value)} ${unit}`.trim(),
    other === undefined ? "" : number(ours / other.value),
    goal === undefined ? "" : `<= ${number(goal)}`,
    goal === undefined ? "" : ours <= goal ? "yes" : "NO"
  ])
]

/** The rows as a Markdown table, without the goals: those are ours, not the reader's. */
export const markdown = (rows: ReadonlyArray<Row>): string => {
  const [head = [], ...lines] = cellsOf(rows).map((cells) => cells.slice(0, 5))
  return [head, head.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |`).join("\n")
}

/** The rows as a text table. */
export const table = (rows: ReadonlyArray<Row>): string => {
  const lines = cellsOf(rows)
  const widths = (lines[0] ?? []).map((_, column) => Math.max(...lines.map((line) => widthOf(line[column] ?? ""))))
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell + " ".repeat((widths[column] ?? 0) - widthOf(cell)))
        .join("  ")
        .trimEnd()
    )
    .join("\n")
}
