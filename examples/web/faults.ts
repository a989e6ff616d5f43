/** The panel that breaks things: faults of the sandbox, so that one can watch the client recover. */
import { h } from "./dom.ts"
import { t } from "./texts.ts"

const plans: ReadonlyArray<readonly [string, ReadonlyArray<object>]> = [
  [t.cut, [{ _tag: "Reset" }]],
  [t.outage, [{ _tag: "Reset" }, { _tag: "RefuseDials", status: 503, until: 8000 }]],
  [t.silent, [{ _tag: "Silence", direction: "both", until: 30_000 }]],
  [
    t.slow,
    [
      { _tag: "Delay", direction: "both", millis: 2000, until: 30_000 },
      { _tag: "DelayRequests", millis: 2000, path: "/api", until: 30_000 }
    ]
  ],
  [t.errors, [{ _tag: "FailRequests", status: 503, path: "/api", until: 10_000 }]],
  [t.kick, [{ _tag: "Kick" }]]
]

export const faultPanel = (): HTMLElement => {
  const told = h("p", { role: "status" }, t.faultsHint)
  const post = async (label: string, init: RequestInit) => {
    const { ok } = await fetch("/sandbox/faults", init)
    told.textContent = ok ? label : `${label} ✗`
  }
  return h(
    "details",
    { class: "faults" },
    h("summary", {}, t.faults),
    told,
    ...plans.map(([label, plan]) =>
      h(
        "button",
        {
          type: "button",
          click: () =>
            void post(label, {
              method: "POST",
              headers: { "content-type": "application/json" },
              body: JSON.stringify(plan)
            })
        },
        label
      )
    ),
    h("button", { type: "button", class: "heal", click: () => void post(t.heal, { method: "DELETE" }) }, t.heal)
  )
}
