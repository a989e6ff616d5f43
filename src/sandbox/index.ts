/**
 * The embedded backend, for development and tests.
 *
 * @since 0.1.0
 */
export { type Account, type Login, type NewAccount, type Role, type SeededLogin } from "./desk/Accounts.ts"
export { type Counter, type Refusal } from "./Counters.ts"
export { Fault } from "./faults/Fault.ts"
export { faultsPath } from "./faults/FaultApi.ts"
export * as FaultPlan from "./faults/FaultPlan.ts"
export {
  type Call,
  type Connection,
  type Dial,
  DialRefused,
  Dropped,
  Fate,
  FaultHooks,
  type Link,
  noFaults
} from "./faults/FaultHooks.ts"
export { type ClientConnection } from "./doors/ClientConnection.ts"
export { closeCode } from "./doors/Gateway.ts"
export { type HttpApp } from "./doors/HttpApp.ts"
export { socketPath, WireControl } from "./doors/SocketRoute.ts"
export { type ConnectOptions, origin, Sandbox, type SandboxShape } from "./Sandbox.ts"
export {
  type Language,
  type Seed,
  seed,
  type SeedChannel,
  type SeedChitchat,
  type SeedConversation,
  type SeedQuestion,
  type SeedUser
} from "./Seed.ts"
export { SandboxFaults } from "./faults/SandboxFaults.ts"
export { type SandboxOptions } from "./SandboxOptions.ts"
