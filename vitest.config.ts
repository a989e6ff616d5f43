import { defineConfig } from "vitest/config"
import { BaseSequencer, type TestSpecification } from "vitest/node"

/** Files that take long though they are small, longest first. */
const slow = ["Model", "Herd", "Secrets", "Snippets", "WrongInput", "Load", "Fuzz"].map((name) => `/${name}.test.ts`)

const rank = ({ moduleId }: TestSpecification): number => {
  const found = slow.findIndex((name) => moduleId.endsWith(name))
  return found < 0 ? slow.length : found
}

/** Starts slow files first, so that they do not run alone at the end. On a fresh clone Vitest only knows file sizes. */
class SlowFirst extends BaseSequencer {
  override async sort(files: Array<TestSpecification>): Promise<Array<TestSpecification>> {
    // oxlint-disable-next-line unicorn/no-array-sort -- the sequencer's, not an array's
    const sorted = await super.sort(files)
    return sorted.toSorted((left, right) => rank(left) - rank(right))
  }
}

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts", "examples/*.test.ts"],
    // `npm run test:browser`
    exclude: ["test/browser/**"],
    // Type tests: every `@ts-expect-error` and `expectTypeOf` in them is checked by tsc.
    typecheck: { enabled: true, include: ["test/**/*.test-d.ts"] },
    // A test that hangs or leaves an unhandled rejection fails. No machine that is merely busy takes that long.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    teardownTimeout: 5_000,
    dangerouslyIgnoreUnhandledErrors: false,
    allowOnly: false,
    pool: "threads",
    maxWorkers: 2,
    sequence: { sequencer: SlowFirst }
  }
})
