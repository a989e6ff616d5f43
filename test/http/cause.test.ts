import { assert, describe, it } from "@effect/vitest"
import { inspect } from "node:util"
import { describe as told, redacted } from "../../src/http/cause.ts"

class Tagged {
  readonly _tag = "LoginFailed"
}

const unreadable = {
  get message(): string {
    throw new Error("s3cret")
  }
}

const coded = (message: string, code: string) => Object.assign(new Error(message), { code })

describe("http/cause", () => {
  const cases: ReadonlyArray<readonly [error: unknown, text: string]> = [
    [new Error("You are offline."), "You are offline."],
    ["offline", "offline"],
    ["登录服务不可用", "登录服务不可用"],
    [new Error("503 from auth.example.com"), "503 from auth.example.com"],
    [new TypeError("fetch failed", { cause: coded("", "ECONNREFUSED") }), "TypeError: fetch failed: ECONNREFUSED"],
    [
      new TypeError("fetch failed", { cause: coded("self-signed certificate", "DEPTH_ZERO_SELF_SIGNED_CERT") }),
      "TypeError: fetch failed: DEPTH_ZERO_SELF_SIGNED_CERT: self-signed certificate"
    ],
    [new Tagged(), "LoginFailed"],
    [undefined, ""],
    [unreadable, ""],
    [new Error("GET https://me:s3cret@auth.test/token?key=s3cret failed"), "GET <redacted> failed"],
    [new Error('{"token":"s3cret"}'), "<redacted>"],
    [new Error("no eyJhbGciOiJIUzI1NiJ9.s3cret.x here"), "no <redacted> here"],
    [new Error("no AbCdEfGhIjKl here"), "no <redacted> here"],
    [new Error("refused: s3cret+/=%{token}~of $(nobody)"), "refused: <redacted>"]
  ]
  for (const [error, text] of cases) {
    it(`tells "${text}"`, () => {
      assert.strictEqual(told(error), text)
    })
  }

  it("cuts what is long", () => {
    assert.strictEqual(told(new Error("long ".repeat(1_000))).length, 200)
  })

  it("stands for an error and its causes by one that has names, codes and harmless words only", () => {
    const foreign = new TypeError("fetch failed for s3cret/x", { cause: coded("connect s3cret+1", "ECONNREFUSED") })
    const made = redacted(foreign)
    assert.strictEqual(made?.name, "TypeError")
    assert.strictEqual(made?.message, "fetch failed for <redacted>")
    assert.deepInclude(made?.cause, { name: "Error", message: "connect <redacted>", code: "ECONNREFUSED" })
    assert.notInclude(inspect(made, { depth: 9, showHidden: true }), "s3cret")
    assert.strictEqual(made?.stack, "TypeError: fetch failed for <redacted>")
  })

  it("stands for what is no error, or cannot be read, by nothing", () => {
    assert.isUndefined(redacted(undefined))
    assert.isUndefined(redacted(7))
    assert.isUndefined(redacted(unreadable))
  })
})
