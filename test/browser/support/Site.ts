/**
 * A site on a free port of this machine: another origin than that of the backend.
 */
import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import { pageScript } from "../../../.ci/bundle.ts"

export interface File {
  readonly type: string
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
}

export interface Site extends AsyncDisposable {
  /** For example `http://127.0.0.1:41234`. */
  readonly origin: string
}

let bundled: Promise<string> | undefined

/** A Content-Security-Policy that allows the script of the package and the backend, and nothing else. */
export const strict = (backend: string): string =>
  `default-src 'none'; script-src 'self'; img-src data:; connect-src ${backend} ${backend.replace("http", "ws")}`

/**
 * Serves `files` by their paths, and at `/` an empty page with the script of the package, which is at
 * `/effect-kefu.global.js`. `csp` is the Content-Security-Policy of all.
 */
export const serve = async (files: Readonly<Record<string, File>> = {}, csp?: string): Promise<Site> => {
  const all: Readonly<Record<string, File>> = {
    "/": {
      type: "text/html",
      body: `<!doctype html><html lang="en"><meta charset="utf-8"><link rel="icon" href="data:,">
        <title>Shop</title><script src="/effect-kefu.global.js"></script></html>`
    },
    "/effect-kefu.global.js": { type: "text/javascript", body: await (bundled ??= pageScript()) },
    ...files
  }
  const server = Http.createServer((request, response) => {
    const file = all[new URL(request.url ?? "/", "http://site").pathname]
    if (file === undefined) return response.writeHead(404).end()
    const policy = csp === undefined ? {} : { "content-security-policy": csp }
    return response.writeHead(200, { "content-type": file.type, ...policy, ...file.headers }).end(file.body)
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
  }
}
