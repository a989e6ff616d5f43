/**
 * Binds the methods and accessors of an object to it, so that they also work when they are taken off it, or called through
 * a proxy such as those of Vue, which the private fields of a class do not pass.
 */
export const bindMembers = (target: object): void => {
  const bound = new Set<PropertyKey>(["constructor"])
  // Not `Function.bind`: `await using` of Node 24 takes no bound function for a method.
  const bind = (member: unknown) =>
    typeof member === "function" ? (...args: ReadonlyArray<unknown>) => Reflect.apply(member, target, args) : member
  for (let level = prototypeOf(target); level !== Object.prototype && level !== null; level = prototypeOf(level)) {
    for (const key of Reflect.ownKeys(level)) {
      const found = Object.getOwnPropertyDescriptor(level, key)
      if (found === undefined || bound.has(key)) continue
      bound.add(key)
      const own: PropertyDescriptor = { ...found }
      for (const part of ["value", "get", "set"] as const) if (own[part] !== undefined) own[part] = bind(own[part])
      Object.defineProperty(target, key, own)
    }
  }
}

const prototypeOf = (value: object): object | null => Object.getPrototypeOf(value) as object | null
