/**
 * A WebSocket whose frames go wherever its maker sends them.
 */
import type { WebSocketEvent, WebSocketLike } from "effect/socket/Socket"

type Type = "open" | "message" | "error" | "close"
type Listener = (event: WebSocketEvent) => void

export class VirtualSocket implements WebSocketLike {
  readyState = 0
  readonly #onSend: (frame: string) => void
  readonly #onClose: (code: number | undefined) => void
  readonly #listeners = new Map<Type, Map<Listener, boolean>>()

  /** `onClose` is called when its user closes it, not when `end` does. */
  constructor(onSend: (frame: string) => void, onClose: (code: number | undefined) => void) {
    this.#onSend = onSend
    this.#onClose = onClose
  }

  addEventListener(type: Type, listener: Listener, { once = false }: { readonly once?: boolean } = {}): void {
    const listeners = this.#listeners.get(type) ?? new Map<Listener, boolean>()
    this.#listeners.set(type, listeners.set(listener, once))
  }

  removeEventListener(type: Type, listener: Listener): void {
    this.#listeners.get(type)?.delete(listener)
  }

  send(frame: string | Uint8Array): void {
    if (this.readyState === 1 && typeof frame === "string") this.#onSend(frame)
  }

  close(code?: number): void {
    if (this.readyState >= 2) return
    this.readyState = 2
    this.#onClose(code)
    this.end(code ?? 1005, "")
  }

  open(): void {
    if (this.readyState !== 0) return
    this.readyState = 1
    this.#emit("open", {})
  }

  receive(data: string): void {
    if (this.readyState === 1) this.#emit("message", { data })
  }

  end(code: number, reason: string): void {
    if (this.readyState === 3) return
    this.readyState = 3
    this.#emit("close", { code, reason })
  }

  #emit(type: Type, event: WebSocketEvent): void {
    for (const [listener, once] of Array.from(this.#listeners.get(type) ?? [])) {
      if (once) this.removeEventListener(type, listener)
      listener(event)
    }
  }
}
