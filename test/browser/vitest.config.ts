import { defineConfig } from "vitest/config"

/** `npm run test:browser`: what needs Debian's Chromium and Firefox. One file at a time, each with its own browser. */
export default defineConfig({
  test: {
    include: ["test/browser/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    allowOnly: false,
    fileParallelism: false
  }
})
