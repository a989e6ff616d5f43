/**
 * What the oldest browsers of the READMEs lack.
 */

/** What browsers got after Chrome 120, Firefox 124 and Safari 17.4, by its owner; a bare name is a global. */
export const newer = {
  "": ["Iterator", "Float16Array", "Temporal", "SuppressedError", "DisposableStack", "AsyncDisposableStack"],
  Promise: ["try"],
  RegExp: ["escape"],
  Error: ["isError"],
  Math: ["sumPrecise", "f16round"],
  URL: ["parse"],
  JSON: ["rawJSON", "isRawJSON"],
  Uint8Array: ["fromBase64", "fromHex"],
  "Uint8Array.prototype": ["toBase64", "toHex", "setFromBase64", "setFromHex"],
  "Map.prototype": ["getOrInsert", "getOrInsertComputed"],
  "Iterator.prototype": [
    "map",
    "filter",
    "take",
    "drop",
    "flatMap",
    "reduce",
    "toArray",
    "forEach",
    "some",
    "every",
    "find"
  ]
} as const
