/**
 * How a connection ended that another login of the account replaced (event 301), while an earlier dial of this session may
 * have been that login.
 */
import { once } from "../codec/lazy.ts"
import { ConnectionLost, KefuError } from "../KefuError.ts"

export const replaced = once(
  () =>
    new KefuError({
      method: "Realtime",
      reason: new ConnectionLost({ code: 1006, detail: "an earlier dial of this session may have replaced it" })
    })
)
