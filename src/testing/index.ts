/**
 * Layers for tests: the real client on the sandbox in this process, or on a scripted gateway, in virtual time.
 *
 * @since 0.1.0
 */
export { Fault } from "../sandbox/faults/Fault.ts"
export * as FaultPlan from "../sandbox/faults/FaultPlan.ts"
export { SandboxFaults } from "../sandbox/faults/SandboxFaults.ts"
export * as Device from "./Device.ts"
export * as SandboxPlatform from "./SandboxPlatform.ts"
export { TestGateway } from "./TestGateway.ts"
export * as TestKefu from "./TestKefu.ts"
