/**
 * Finds what a misspelt name was meant to be.
 */

/** Whether two names differ by at most two inserted, removed or changed characters. */
export const isSimilar = (left: string, right: string): boolean => {
  if (Math.abs(left.length - right.length) > 2) return false
  let above = Array.from({ length: right.length + 1 }, (_, index) => index)
  for (let row = 1; row <= left.length; row++) {
    const current = [row]
    for (let column = 1; column <= right.length; column++) {
      const changed = (above[column - 1] ?? 0) + (left[row - 1] === right[column - 1] ? 0 : 1)
      current.push(Math.min(changed, (above[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1))
    }
    above = current
  }
  return (above.at(-1) ?? 0) <= 2
}

/** The end of a sentence about an unknown name: which known one was meant, if one is similar. */
export const didYouMean = (name: string, known: ReadonlyArray<string>): string => {
  const similar = known.find((other) => isSimilar(other.toLowerCase(), name.toLowerCase()))
  return similar === undefined ? "" : `; did you mean ${similar}?`
}
