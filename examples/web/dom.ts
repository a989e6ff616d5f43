/** What both pages need of the DOM: elements in one call, keyed lists, one paint per frame, small storage. */

type Prop = string | number | boolean | null | undefined | { listen(event: Event): void }["listen"]

/** An element. Functions become listeners, booleans presence of an attribute; markup is never parsed. */
export const h = <Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  props: Readonly<Record<string, Prop>> = {},
  ...children: ReadonlyArray<Node | string | false | null | undefined>
): HTMLElementTagNameMap[Tag] => {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === "function") element.addEventListener(name, value)
    else if (typeof value === "boolean") element.toggleAttribute(name, value)
    else if (value !== undefined && value !== null) element.setAttribute(name, String(value))
  }
  element.append(...children.filter((child) => child !== false && child !== undefined && child !== null))
  return element
}

/** Sets a text that may be the same as before: setting it anyway would cost the page a layout. */
export const setText = (element: HTMLElement, text: string): void => {
  if (element.textContent !== text) element.textContent = text
}

const shapes = {
  send: "M4 12 20 4l-5 16-3-7z",
  clip: "M8 12.5 14.5 6a3.5 3.5 0 0 1 5 5l-8 8a5.5 5.5 0 0 1-8-8L11 3.5",
  close: "M6 6l12 12M18 6 6 18",
  chat: "M4 5h16v11H9l-5 4z",
  sound: "M4 9v6h4l5 4V5L8 9zM17 8a6 6 0 0 1 0 8",
  muted: "M4 9v6h4l5 4V5L8 9zM17 9l5 6M22 9l-5 6",
  end: "M12 3v9M6.5 6.5a8 8 0 1 0 11 0",
  up: "M7 11v9H4v-9zM7 11l4-8c2 0 3 1 3 3v4h5l-1.5 10H7",
  down: "M7 13V4H4v9zM7 13l4 8c2 0 3-1 3-3v-4h5L17.5 4H7",
  file: "M6 3h8l4 4v14H6zM14 3v4h4",
  back: "M15 5l-7 7 7 7",
  user: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4 21c0-4 4-6 8-6s8 2 8 6",
  latest: "M12 4v15M6 13l6 6 6-6",
  edit: "M4 20l1-4L16 5l3 3L8 19zM14 7l3 3",
  bin: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
  bell: "M6 17V11a6 6 0 0 1 12 0v6l2 1H4zM10 21h4"
}

export const icon = (name: keyof typeof shapes): SVGElement => {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg")
  svg.setAttribute("viewBox", "0 0 24 24")
  svg.setAttribute("aria-hidden", "true")
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path")
  path.setAttribute("d", shapes[name])
  svg.append(path)
  return svg
}

/** A button with a picture and a name for screen readers. */
export const tool = (name: keyof typeof shapes, label: string, click: () => void, kind = ""): HTMLButtonElement =>
  h("button", { type: "button", class: `tool ${kind}`, "aria-label": label, title: label, click }, icon(name))

/** Keeps the children of an element equal to a list; nodes whose item has not changed stay, focus included. */
export const keyed = <Item>(
  parent: Element,
  keyOf: (item: Item) => string,
  same: (a: Item, b: Item) => boolean,
  make: (item: Item) => HTMLElement
): ((items: ReadonlyArray<Item>) => void) => {
  let held = new Map<string, { readonly item: Item; readonly node: HTMLElement }>()
  return (items) => {
    const next: typeof held = new Map()
    for (const item of items) {
      const old = held.get(keyOf(item))
      if (old !== undefined && same(old.item, item)) next.set(keyOf(item), old)
      else {
        const node = make(item)
        next.set(keyOf(item), { item, node })
        if (old === undefined) continue
        const hadFocus = old.node === document.activeElement
        old.node.replaceWith(node)
        if (hadFocus) node.focus()
      }
    }
    for (const [key, { node }] of held) if (!next.has(key)) node.remove()
    let after: ChildNode | null = parent.firstChild
    for (const { node } of next.values()) {
      if (node === after) after = after.nextSibling
      else parent.insertBefore(node, after)
    }
    held = next
  }
}

/** Runs at most once per frame; on a hidden page, where there are no frames, after a second. */
export const perFrame = (paint: () => void): (() => void) => {
  let waits = false
  const run = () => {
    waits = false
    paint()
  }
  return () => {
    if (waits) return
    waits = true
    if (document.hidden) setTimeout(run, 1000)
    else requestAnimationFrame(run)
  }
}

/** Settings of the page, for browsers that block storage, too. */
export const remember = {
  get(key: string): string | undefined {
    try {
      return localStorage.getItem(`desk/${key}`) ?? undefined
    } catch {
      return undefined
    }
  },
  set(key: string, value: string): void {
    try {
      localStorage.setItem(`desk/${key}`, value)
    } catch {
      // The setting holds for this visit.
    }
  }
}

let audio: AudioContext | undefined

/** A short, soft tone. Its first call must come from a click, which is the consent. */
export const chime = (): void => {
  audio ??= new AudioContext()
  const tone = audio.createOscillator()
  const volume = audio.createGain()
  tone.frequency.value = 660
  volume.gain.setValueAtTime(0.08, audio.currentTime)
  volume.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + 0.25)
  tone.connect(volume).connect(audio.destination)
  tone.start()
  tone.stop(audio.currentTime + 0.25)
}

/** The number of unread messages in the title and on the app's icon. */
export const badge = (title: string, unread: number): void => {
  const text = unread > 0 ? `(${unread}) ${title}` : title
  if (document.title === text) return
  document.title = text
  if ("setAppBadge" in navigator) void navigator.setAppBadge(unread).catch(() => {})
}
