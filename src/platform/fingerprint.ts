/**
 * A short digest of a token, under which data of a login can be stored without the token itself.
 */

/** 64 bits of FNV-1a, as two halves with different beginnings. */
export const fingerprint = (token: string): string => half(token, 0x811c9dc5) + half(token, 0x9e3779b9)

const half = (text: string, beginning: number): string => {
  let hash = beginning
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  return (hash >>> 0).toString(16).padStart(8, "0")
}
