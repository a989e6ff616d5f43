/**
 * What an editor shows for names in TypeScript, from the compiler's own language server.
 */
import { spawn } from "node:child_process"

const root = new URL("../../", import.meta.url)

const header = "\r\n\r\n"

/** What an editor shows at the first occurrence of each name in a source of `test/types`. */
export const hovers = async (source: string, names: ReadonlyArray<string>): Promise<ReadonlyArray<string>> => {
  const server = spawn(process.execPath, ["node_modules/typescript/bin/tsc", "--lsp", "--stdio"], { cwd: root })
  try {
    let buffered = Buffer.alloc(0)
    let requests = 0
    const waiting = new Map<number, (result: unknown) => void>()

    const write = (message: object) => {
      const text = JSON.stringify({ jsonrpc: "2.0", ...message })
      server.stdin.write(`Content-Length: ${Buffer.byteLength(text)}${header}${text}`)
    }

    const request = (method: string, params: object) =>
      new Promise<unknown>((resolve) => {
        waiting.set(++requests, resolve)
        write({ id: requests, method, params })
      })

    const receive = (message: { readonly id?: number; readonly method?: string; readonly result?: unknown }) => {
      if (message.id === undefined) return
      if (message.method === undefined) waiting.get(message.id)?.(message.result)
      else write({ id: message.id, result: null })
    }

    server.stdout.on("data", (chunk: Buffer) => {
      buffered = Buffer.concat([buffered, chunk])
      for (let end = buffered.indexOf(header); end >= 0; end = buffered.indexOf(header)) {
        const start = end + header.length
        const length = Number(/\d+/.exec(buffered.subarray(0, end).toString())?.[0])
        if (buffered.length < start + length) return
        receive(JSON.parse(buffered.subarray(start, start + length).toString()))
        buffered = buffered.subarray(start + length)
      }
    })

    const uri = new URL("test/types/hovered.ts", root).href
    const hover = { contentFormat: ["plaintext"] }
    await request("initialize", {
      processId: process.pid,
      rootUri: root.href,
      capabilities: { textDocument: { hover } }
    })
    write({ method: "initialized", params: {} })
    const textDocument = { uri, languageId: "typescript", version: 1, text: source }
    write({ method: "textDocument/didOpen", params: { textDocument } })
    const lines = source.split("\n")
    const shown: Array<string> = []
    for (const name of names) {
      const line = lines.findIndex((each) => each.includes(name))
      const position = { line, character: (lines[line] ?? "").indexOf(name) }
      const result = (await request("textDocument/hover", { textDocument: { uri }, position })) as {
        readonly contents: { readonly value: string }
      }
      shown.push(result.contents.value)
    }
    return shown
  } finally {
    server.kill()
  }
}
