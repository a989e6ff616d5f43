import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Type tests: every `@ts-expect-error` and `expectTypeOf` in them is checked by tsc.
    typecheck: { enabled: true, include: ["test/**/*.test-d.ts"] },
    // A test that hangs is a bug: it fails, and so does one that leaves a rejection behind.
    testTimeout: 10_000,
    hookTimeout: 10_000,
    teardownTimeout: 5_000,
    dangerouslyIgnoreUnhandledErrors: false,
    allowOnly: false,
    pool: "threads",
    maxWorkers: 2
  }
})
