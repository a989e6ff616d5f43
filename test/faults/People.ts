/** The people of the model, by their place in the sandbox's seed: the robot is the first there. */
import * as Schema from "effect/Schema"
import { UserId } from "../../src/domain/Id.ts"

export const people = [
  { name: "li", userType: "STAFF", userId: UserId.make(2) },
  { name: "wang", userType: "STAFF", userId: UserId.make(3) },
  { name: "ann", userType: "CUSTOMER", userId: UserId.make(4) },
  { name: "bob", userType: "CUSTOMER", userId: UserId.make(5) }
] as const

export const Name = Schema.Literals(["li", "wang", "ann", "bob"])
export type Name = typeof Name.Type

export const isStaff = (name: Name): boolean => name === "li" || name === "wang"
