interface Location {
  readonly origin: string
  readonly protocol: string
}

interface Page {
  readonly cookie?: string | undefined
}

const globals: { readonly location?: Location | undefined; readonly document?: Page | undefined } = globalThis

/** The page's address, if there is a page. */
export const location = (): Location | undefined => globals.location

const xsrfCookie = /(?:^|;\s*)XSRF-TOKEN=([^;]*)/

/**
 * The header that proves to the page's own origin that the page itself sends the request: its cookie `XSRF-TOKEN`, decoded.
 * None for another origin, outside of pages, and where a header cannot hold it.
 */
export const xsrfHeader = (url: string): { readonly "x-xsrf-token"?: string } => {
  const page = globals.location
  if (page === undefined || globals.document === undefined) return {}
  try {
    if (new URL(url, page.origin).origin !== page.origin) return {}
    const value = decodeURIComponent(xsrfCookie.exec(globals.document.cookie ?? "")?.[1] ?? "")
    return /^[\x20-\x7e]+$/.test(value) ? { "x-xsrf-token": value } : {}
  } catch {
    return {}
  }
}
