import { assert, describe, it } from "@effect/vitest"
import { describe as told } from "../../src/http/cause.ts"

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
})
