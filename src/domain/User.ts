/**
 * Users: visitors, staff, administrators and robots.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { lazySchema } from "../codec/lazy.ts"
import * as Wire from "../codec/Wire.ts"
import { UserId } from "./Id.ts"
import { Tag } from "./Tag.ts"

/**
 * The known user types; others may appear.
 *
 * @category schemas
 * @since 0.1.0
 */
export const UserType = Wire.Open(["CUSTOMER", "STAFF", "ADMIN", "ROBOT"])

/**
 * The type of a user.
 *
 * @category models
 * @since 0.1.0
 */
export type UserType = typeof UserType.Type

/**
 * A user. Visitors have the type `CUSTOMER`.
 *
 * **Details**
 *
 * `id`, `userType` and `nickname` are the backend's; the other named fields are the sandbox's. `userType` is empty where
 * the backend sent none.
 *
 * @category schemas
 * @since 0.1.0
 */
export class User extends Schema.Opaque<User>()(
  lazySchema(() =>
    Wire.Struct({
      id: UserId,
      userType: Wire.Default(UserType, ""),
      nickname: Wire.Optional(Schema.String),
      avatar: Wire.Optional(Schema.String),
      phone: Wire.Optional(Schema.String),
      email: Wire.Optional(Schema.String),
      remark: Wire.Optional(Schema.String),
      online: Wire.Optional(Schema.Boolean),
      tags: Wire.Optional(Wire.Elements(Tag))
    })
  )
) {}

/**
 * The fields of a profile to change; those left out stay as they are. The shape is the sandbox's; other fields pass
 * through.
 *
 * @category schemas
 * @since 0.1.0
 */
export class ProfileUpdate extends Schema.Opaque<ProfileUpdate>()(
  lazySchema(() =>
    Wire.Input({
      nickname: Schema.optional(Schema.String),
      avatar: Schema.optional(Schema.String),
      phone: Schema.optional(Schema.String),
      email: Schema.optional(Schema.String),
      remark: Schema.optional(Schema.String)
    })
  )
) {}

/**
 * A staff member to whom a conversation can be transferred, if `online` is not false and `load` is below `capacity` (both
 * count conversations). The shape is the sandbox's.
 *
 * @category schemas
 * @since 0.1.0
 */
export class TransferTarget extends Schema.Opaque<TransferTarget>()(
  lazySchema(() =>
    Wire.Struct({
      id: UserId,
      userType: Wire.Default(UserType, ""),
      nickname: Wire.Optional(Schema.String),
      online: Wire.Optional(Schema.Boolean),
      capacity: Wire.Optional(Schema.Int),
      load: Wire.Optional(Schema.Int)
    })
  )
) {}

/**
 * The staff to whom a conversation can be transferred. The shape is the sandbox's.
 *
 * @category schemas
 * @since 0.1.0
 */
export class TransferTargets extends Schema.Opaque<TransferTargets>()(
  lazySchema(() => Wire.Struct({ users: Wire.List(TransferTarget), total: Wire.Optional(Schema.Int) }))
) {}
