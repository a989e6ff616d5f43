/**
 * Layers for tests: the real client against the sandbox in this process, in the test's own time.
 *
 * @since 0.1.0
 */
export { Fault } from "../sandbox/Fault.ts"
export * as FaultPlan from "../sandbox/FaultPlan.ts"
export { SandboxFaults } from "../sandbox/SandboxFaults.ts"
export * as Device from "./Device.ts"
export * as SandboxPlatform from "./SandboxPlatform.ts"
export * as TestKefu from "./TestKefu.ts"
