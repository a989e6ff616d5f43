/**
 * `npm run demo:web`: the sandbox with a visitor's page and a staff console that talk to each other. `--port N` chooses the
 * port; `--once` fetches both pages and ends, for checks.
 */
import { parseArgs } from "node:util"
import { startSandbox } from "../../src/testing/PromiseSandbox.ts"
import { bundlePages } from "./bundle.ts"

const { values } = parseArgs({
  options: { port: { type: "string", default: "0" }, once: { type: "boolean", default: false } }
})

const sandbox = await startSandbox({ port: Number(values.port), faultControl: true, pages: await bundlePages() })
const visitor = `${sandbox.baseUrl}/desk/visitor.html`
const staff = `${sandbox.baseUrl}/desk/staff.html`
console.log(`
  A visitor's page   ${visitor}
  A staff console    ${staff}

  Open both, sign in as a member of staff, and write 转人工 or "talk to a person" as the visitor.
`)

if (values.once) {
  for (const address of [visitor, staff]) {
    const { status } = await fetch(address)
    console.log(status, address)
    if (status !== 200) process.exitCode = 1
  }
  await sandbox.close()
} else console.log("  Stop it with Ctrl+C.\n")
