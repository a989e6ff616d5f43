interface Location {
  readonly origin: string
  readonly protocol: string
}

const globals: { readonly location?: Location | undefined } = globalThis

/** The page's address, if there is a page. */
export const location = (): Location | undefined => globals.location
