/**
 * The embedded backend, for development and tests.
 *
 * @since 0.1.0
 */
export { type Account, type Login, type NewAccount, type Role, type SeededLogin } from "./Accounts.ts"
export { type Counter, type Refusal } from "./Counters.ts"
export { Fault } from "./Fault.ts"
export { faultsPath } from "./FaultControl.ts"
export * as FaultPlan from "./FaultPlan.ts"
export {
  type Call,
  type Connection,
  type Dial,
  DialRefused,
  Dropped,
  Fate,
  type FaultHooks,
  Faults,
  type Link,
  noFaults
} from "./Faults.ts"
export { type ClientConnection, closeCode } from "./Gateway.ts"
export { type HttpApp, socketPath, WireControl } from "./HttpApp.ts"
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
export { SandboxFaults } from "./SandboxFaults.ts"
export { type SandboxOptions } from "./Settings.ts"
