/**
 * The READMEs as data: their headings, links, tables and code blocks.
 */
import * as Fs from "node:fs"
import * as Path from "node:path"

export const root = Path.resolve(import.meta.dirname, "../..")

/** A block of code. `until` is what a program that does not end prints when all is well. */
export interface Block {
  readonly origin: string
  readonly language: string
  readonly code: string
  readonly runs: boolean
  readonly until: string | undefined
}

export interface Readme {
  readonly name: string
  readonly headings: ReadonlyArray<{ readonly level: number; readonly title: string }>
  /** The targets of links and pictures. */
  readonly targets: ReadonlyArray<string>
  readonly blocks: ReadonlyArray<Block>
  /** The rows of all tables, as their cells. */
  readonly rows: ReadonlyArray<ReadonlyArray<string>>
}

const fence = /(?:<!-- (runs)(?: until "([^"]+)")? -->\n+)?^```(\w*)\n([\s\S]*?)^```$/gm

export const blocksOf = (name: string, text: string): ReadonlyArray<Block> =>
  Array.from(text.matchAll(fence), ([, mark, until, language = "", code = ""], index) => ({
    origin: `${name}, block ${index + 1}`,
    language,
    code,
    runs: mark !== undefined,
    until
  }))

export const parse = (name: string, text: string): Readme => {
  const prose = text.replaceAll(fence, "")
  const lines = prose.split("\n")
  return {
    name,
    headings: lines.flatMap((line) => {
      const [, marks, title] = /^(#+) (.+)$/.exec(line) ?? []
      return marks === undefined || title === undefined ? [] : [{ level: marks.length, title }]
    }),
    targets: Array.from(
      prose.replaceAll(/`[^`\n]*`/g, "").matchAll(/\]\(([^)\s]+)\)|<(https?:[^>]+)>/g),
      ([, target, bare]) => target ?? bare ?? ""
    ),
    blocks: blocksOf(name, text),
    rows: lines
      .filter((line) => line.startsWith("| ") && !line.startsWith("| -"))
      .map((line) =>
        line
          .split("|")
          .slice(1, -1)
          .map((cell) => cell.trim())
      )
  }
}

export const readmes: ReadonlyArray<Readme> = ["README.md", "README.zh-CN.md"].map((name) =>
  parse(name, Fs.readFileSync(Path.join(root, name), "utf8"))
)

/** The anchor that GitHub, GitLab and npm give a heading. */
export const anchor = (title: string): string =>
  title
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-")
