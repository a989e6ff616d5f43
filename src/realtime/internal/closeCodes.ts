/**
 * How the connection goes on after each WebSocket close code. 1000 does not stop it: proxies send that code.
 *
 * | code | meaning | action |
 * |---|---|---|
 * | 1000-1003, 1005-1007, 1010-1012, 1014, 1015 | closed, going away, broken, restarted ... | reconnect |
 * | 1008, 4401, 4403 | policy violation, token refused | reconnect; the probe of a refused dial tells whether the token is bad |
 * | 1009 | a frame was too large | reconnect; the command that sent it has failed with `RequestTooLarge` |
 * | 1013 | try again later | reconnect, not before the backoff's fourth step |
 * | other 4000-4999 | defined by the backend | reconnect |
 *
 * A second login is event 301, whatever code follows it.
 */
import type { ConnectionReason, KefuError } from "../../KefuError.ts"

export type Verdict = "reconnect" | "later" | "superseded" | "terminal"

/** What to do after the connection failed with this error. */
export const verdict = (error: KefuError<ConnectionReason>): Verdict => {
  switch (error.reason._tag) {
    case "Superseded":
      return "superseded"
    case "Unauthorized":
    case "Forbidden":
    case "InvalidRequest":
      return "terminal"
    case "ConnectionLost":
      return error.reason.code === 1013 ? "later" : "reconnect"
    default:
      return "reconnect"
  }
}
