/** Where one writes: text, files by button, drop and paste, their progress, and images made smaller before the upload. */
import { type Client, KefuError } from "../../src/Client.ts"
import { h, icon, tool } from "./dom.ts"
import { t } from "./texts.ts"

const largest = 10 * 1024 * 1024
const longestSide = 1920
const accept = "image/*,video/*,.pdf,.txt,.doc,.docx,.xls,.xlsx,.zip"

/** What is dropped or pasted has not been through the file dialogue, which shows only what is accepted. */
const isAccepted = ({ name, type }: File): boolean =>
  accept
    .split(",")
    .some((kind) => (kind.startsWith(".") ? name.toLowerCase().endsWith(kind) : type.startsWith(kind.slice(0, -1))))

interface Prepared {
  readonly file: Blob
  readonly name: string
  readonly dimensions: { readonly width: number; readonly height: number } | undefined
}

/** A photo from a phone is many times larger than what a chat shows. Others pass unchanged. */
const prepared = async (file: File): Promise<Prepared> => {
  const asIs = { file, name: file.name, dimensions: undefined }
  if (!/^image\/(?:jpeg|png|webp)$/.test(file.type)) return asIs
  const bitmap = await createImageBitmap(file).catch(() => undefined)
  if (bitmap === undefined) return asIs
  const scale = Math.min(1, longestSide / Math.max(bitmap.width, bitmap.height))
  const dimensions = { width: Math.round(bitmap.width * scale), height: Math.round(bitmap.height * scale) }
  const canvas = h("canvas", dimensions)
  canvas.getContext("2d")?.drawImage(bitmap, 0, 0, dimensions.width, dimensions.height)
  bitmap.close()
  const smaller = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/webp", 0.85))
  return smaller !== null && smaller.size < file.size
    ? { file: smaller, name: file.name.replace(/\.\w+$/, ".webp"), dimensions }
    : { ...asIs, dimensions }
}

export interface ComposerOptions {
  readonly client: Client
  /** The conversation to write to; 0 if there is none yet. */
  readonly conversation: () => number
  readonly tell: (error: unknown) => void
  /** Called with the text at each change. */
  readonly onDraft?: (draft: string) => void
  /** Called after a message has been handed over. */
  readonly onSent?: () => void
}

export class Composer {
  readonly element: HTMLElement
  readonly input: HTMLTextAreaElement
  readonly #options: ComposerOptions
  readonly #uploads: HTMLElement

  constructor(options: ComposerOptions) {
    this.#options = options
    this.#uploads = h("div", { class: "uploads" })
    this.input = h("textarea", {
      rows: 1,
      maxlength: 4000,
      placeholder: t.write,
      "aria-label": t.write,
      input: () => this.#changed(),
      keydown: (event: KeyboardEvent) => {
        if (event.key !== "Enter" || event.shiftKey || event.isComposing) return
        event.preventDefault()
        this.#submit()
      },
      paste: (event: ClipboardEvent) => this.#take(event.clipboardData?.files, event)
    })
    const picker = h("input", {
      type: "file",
      hidden: true,
      multiple: true,
      accept,
      "aria-label": t.attach,
      change: () => {
        this.#take(picker.files)
        picker.value = ""
      }
    })
    this.element = h(
      "form",
      {
        class: "composer",
        submit: (event: Event) => {
          event.preventDefault()
          this.#submit()
        },
        dragover: (event: Event) => {
          event.preventDefault()
          this.element.classList.add("dropping")
        },
        dragleave: () => this.element.classList.remove("dropping"),
        drop: (event: DragEvent) => {
          this.element.classList.remove("dropping")
          this.#take(event.dataTransfer?.files, event)
        }
      },
      this.#uploads,
      picker,
      tool("clip", t.attach, () => picker.click()),
      this.input,
      h("button", { class: "tool primary", "aria-label": t.send, title: t.send }, icon("send"))
    )
  }

  /** Puts a text into the field, for quick replies. */
  insert(text: string): void {
    this.input.value = text
    this.input.focus()
    this.#changed()
  }

  say(text: string): void {
    const { client, conversation, onSent, tell } = this.#options
    const isOver = client.state._tag === "Superseded" || client.state._tag === "Closed"
    client.sendMessage(client.buildMessage("Text", text, conversation())).catch((error: unknown) => {
      // What the client has taken over shows its failure itself. What it has refused goes back into the field.
      if (!isOver && !(error instanceof KefuError && error.reason._tag === "OutboxFull")) return
      tell(error)
      if (this.input.value === "") this.insert(text)
    })
    onSent?.()
  }

  #submit(): void {
    const text = this.input.value.trim()
    if (text === "") return
    this.input.value = ""
    this.#changed()
    this.say(text)
  }

  #changed(): void {
    this.input.style.height = "auto"
    this.input.style.height = `${Math.min(this.input.scrollHeight, 140)}px`
    this.#options.onDraft?.(this.input.value)
  }

  #take(files: FileList | null | undefined, event?: Event): void {
    if (files === null || files === undefined || files.length === 0) return
    event?.preventDefault()
    for (const file of files) void this.#upload(file)
  }

  async #upload(original: File): Promise<void> {
    const { client, conversation, onSent, tell } = this.#options
    if (!isAccepted(original)) return tell(new Error(t.notAccepted(original.name)))
    if (original.size > largest) return tell(new Error(t.tooLarge))
    const abort = new AbortController()
    const bar = h("progress", { max: 1, value: 0, "aria-label": t.uploading(original.name) })
    const isImage = original.type.startsWith("image/")
    const preview = isImage ? URL.createObjectURL(original) : undefined
    const card = h(
      "div",
      { class: "upload" },
      preview === undefined ? icon("file") : h("img", { src: preview, alt: "" }),
      h("span", {}, original.name, bar),
      tool("close", `${t.cancel}: ${original.name}`, () => abort.abort())
    )
    this.#uploads.append(card)
    try {
      const { dimensions, file, name } = await prepared(original)
      const { id, url } = await client.uploadBlobs(
        new File([file], name, { type: file.type }),
        ({ loaded, total }) => (bar.value = total === 0 ? 0 : loaded / total),
        { signal: abort.signal }
      )
      const kind = isImage ? "Image" : original.type.startsWith("video/") ? "Video" : "Attachment"
      const content = { url, filename: name, contentType: file.type, byteSize: file.size, blobId: id, ...dimensions }
      client.sendMessage(client.buildMessage(kind, content, conversation())).catch(() => {})
      onSent?.()
    } catch (error) {
      if (!abort.signal.aborted) tell(error)
    } finally {
      card.remove()
      if (preview !== undefined) URL.revokeObjectURL(preview)
    }
  }
}
