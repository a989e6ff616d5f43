/**
 * The users with their tokens, profiles and tags.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { TagId, UserId } from "../../domain/Id.ts"
import type { Tag } from "../../domain/Tag.ts"
import type { ProfileUpdate, User } from "../../domain/User.ts"
import { BadRequest, NotFound, TooManyRequests, Unauthorized } from "../../wire/ApiError.ts"
import type { SeedUser } from "../Seed.ts"
import { Settings } from "../SandboxOptions.ts"
import { secret } from "./Secret.ts"

/**
 * The role of a user.
 *
 * @category models
 * @since 0.1.0
 */
export type Role = SeedUser["userType"]

/**
 * A user, as the desk stores them.
 *
 * @category models
 * @since 0.1.0
 */
export interface Account {
  readonly id: UserId
  readonly userType: Role
  /** How many conversations this member of staff serves at once. */
  readonly capacity: number
  readonly tags: Map<TagId, Tag>
  profile: ProfileUpdate
}

/**
 * A token and its user.
 *
 * @category models
 * @since 0.1.0
 */
export interface Login {
  readonly token: string
  readonly userId: UserId
}

/**
 * A token of the seed and its user.
 *
 * @category models
 * @since 0.1.0
 */
export interface SeededLogin extends Login {
  readonly userType: Role
  readonly nickname: string
}

/**
 * The options of a new account.
 *
 * @category models
 * @since 0.1.0
 */
export interface NewAccount {
  readonly nickname?: string
  readonly token?: string
  readonly capacity?: number
}

/** Fields that a profile update cannot set. */
const reserved = new Set(["id", "userType", "tags", "online", "load", "capacity"])

/** Visitors do not see the staff's remarks on them; of other users they see name and picture only. */
const forSelf = (key: string) => key !== "remark"
const forOthers = (key: string) => key === "nickname" || key === "avatar"

/**
 * Whether an account belongs to staff or an administrator.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isEmployee = (account: Account): boolean => account.userType === "STAFF" || account.userType === "ADMIN"

const view = (account: Account, viewer: Account): User => {
  const user: User = { ...account.profile, id: account.id, userType: account.userType }
  if (isEmployee(viewer)) {
    return account.userType === "CUSTOMER" ? { ...user, tags: Array.from(account.tags.values()) } : user
  }
  const visible = account === viewer ? forSelf : forOthers
  return {
    ...Object.fromEntries(Object.entries(user).filter(([key]) => visible(key))),
    id: account.id,
    userType: account.userType
  }
}

/**
 * The accounts of the desk.
 *
 * @category services
 * @since 0.1.0
 */
export class Accounts extends Context.Service<
  Accounts,
  {
    readonly robot: Account
    readonly staff: () => ReadonlyArray<Account>
    /** The account of a user of the seed. */
    readonly seeded: (key: string) => Account | undefined
    readonly find: (id: UserId) => Account | undefined
    /** The account of an id that the desk itself has stored, so it exists. */
    readonly known: (id: UserId) => Account
    readonly get: (id: UserId) => Effect.Effect<Account, NotFound>
    readonly authenticate: (token: string) => Effect.Effect<Account, Unauthorized>
    /** The user of a token, also of an expired one. */
    readonly ownerOf: (token: string) => UserId | undefined
    readonly create: (role: Role, options?: NewAccount) => Effect.Effect<Login>
    /** A new visitor, with a token that nobody can guess. */
    readonly anonymous: Effect.Effect<Login, TooManyRequests>
    readonly revoke: (token: string) => Effect.Effect<void>
    readonly updateProfile: (account: Account, change: ProfileUpdate) => Effect.Effect<void, BadRequest>
    readonly addTag: (account: Account, name: string | undefined) => Effect.Effect<Tag, BadRequest>
    readonly removeTag: (account: Account, id: TagId) => Effect.Effect<void, NotFound>
    /** The account as `viewer` may see it. */
    readonly view: (account: Account, viewer: Account) => User
    /** The seed's people and their tokens. */
    readonly seededLogins: () => ReadonlyArray<SeededLogin>
  }
>()("effect-kefu/sandbox/desk/Accounts") {
  /**
   * @since 0.1.0
   */
  static readonly layer = Layer.effect(
    Accounts,
    Effect.gen(function* () {
      const settings = yield* Settings
      const accounts = new Map<UserId, Account>()
      const staff: Array<Account> = []
      const tokens = new Map<string, Login & { readonly expiresAt: number }>()
      const tagsByName = new Map<string, Tag>()
      let visitors = 0

      const tagNamed = (name: string): Tag => {
        const tag = tagsByName.get(name) ?? { id: TagId.make(tagsByName.size + 1), name }
        tagsByName.set(name, tag)
        return tag
      }

      const add = (role: Role, profile: ProfileUpdate, capacity = settings.staffCapacity): Account => {
        const account: Account = {
          id: UserId.make(accounts.size + 1),
          userType: role,
          capacity,
          tags: new Map(),
          profile
        }
        accounts.set(account.id, account)
        if (role === "STAFF") staff.push(account)
        return account
      }

      const login = (token: string, userId: UserId, expiresAt = Infinity): Login => {
        tokens.set(token, { token, userId, expiresAt })
        return { token, userId }
      }

      const seeded = new Map<string, Account>()
      for (const { key, userType, token, tags = [], capacity, ...profile } of settings.seed.users) {
        const account = add(userType, profile, capacity)
        seeded.set(key, account)
        for (const tag of tags.map(tagNamed)) account.tags.set(tag.id, tag)
        if (token !== undefined) login(token, account.id)
      }

      const robot =
        Array.from(accounts.values()).find((account) => account.userType === "ROBOT") ??
        add("ROBOT", { nickname: "Robot" })

      const get = (id: UserId): Effect.Effect<Account, NotFound> => {
        const account = accounts.get(id)
        return account === undefined ? new NotFound({ message: `There is no user ${id}` }) : Effect.succeed(account)
      }

      return Accounts.of({
        robot,
        staff: () => staff,
        seeded: (key) => seeded.get(key),
        find: (id) => accounts.get(id),
        known: (id) => accounts.get(id) ?? robot,
        get,
        ownerOf: (token) => tokens.get(token)?.userId,
        authenticate: Effect.fn("Accounts.authenticate")(function* (token) {
          const found = tokens.get(token)
          if (found === undefined) {
            return yield* new Unauthorized({
              message: token === "" ? "The request carries no bearer token" : "The token is unknown"
            })
          }
          if (found.expiresAt <= (yield* Clock.currentTimeMillis)) {
            tokens.delete(token)
            return yield* new Unauthorized({ message: "The token has expired; request a new one" })
          }
          return yield* get(found.userId).pipe(
            Effect.mapError(() => new Unauthorized({ message: "The token's user no longer exists" }))
          )
        }),
        create: (role, options = {}) =>
          Effect.sync(() => {
            const word = { CUSTOMER: "visitor", STAFF: "staff", ADMIN: "admin", ROBOT: "robot" }[role]
            const id = accounts.size + 1
            const account = add(role, { nickname: options.nickname ?? `${word} ${id}` }, options.capacity)
            return login(options.token ?? `${word}-${id}-token`, account.id)
          }),
        anonymous: Effect.gen(function* () {
          if (visitors >= settings.maxVisitors) {
            return yield* new TooManyRequests({
              message: `At most ${settings.maxVisitors} anonymous visitors get a token`
            })
          }
          visitors += 1
          const account = add("CUSTOMER", { nickname: `访客 ${visitors}` })
          const now = yield* Clock.currentTimeMillis
          return login(`visitor-${account.id}-${yield* secret}`, account.id, now + settings.anonymousTokenLifetime)
        }),
        revoke: (token) => Effect.sync(() => tokens.delete(token)),
        updateProfile: Effect.fn("Accounts.updateProfile")(function* (account, change) {
          if (change.nickname !== undefined && change.nickname.trim() === "") {
            return yield* new BadRequest({ message: "A nickname cannot be empty", field: "nickname" })
          }
          account.profile = {
            ...account.profile,
            ...Object.fromEntries(Object.entries(change).filter(([key]) => !reserved.has(key)))
          }
        }),
        addTag: Effect.fn("Accounts.addTag")(function* (account, name) {
          const trimmed = name?.trim() ?? ""
          if (trimmed === "") return yield* new BadRequest({ message: "A tag needs a name", field: "name" })
          const tag = tagNamed(trimmed)
          account.tags.set(tag.id, tag)
          return tag
        }),
        removeTag: (account, id) =>
          Effect.suspend(() =>
            account.tags.delete(id)
              ? Effect.void
              : new NotFound({ message: `User ${account.id} does not have the tag ${id}` })
          ),
        view,
        seededLogins: () =>
          settings.seed.users.flatMap(({ key, userType, nickname, token }) => {
            const account = seeded.get(key)
            return token === undefined || account === undefined
              ? []
              : [{ token, userId: account.id, userType, nickname }]
          })
      })
    })
  )
}
