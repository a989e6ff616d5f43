/**
 * Layers for tests: the real client against the sandbox in this process, in the test's own time.
 *
 * @since 0.1.0
 */
export * as SandboxPlatform from "./SandboxPlatform.ts"
export * as TestKefu from "./TestKefu.ts"
