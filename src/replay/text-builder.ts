/** Builds long texts character by character: two bytes each, where strings put together so would take forty. */
export class TextBuilder {
  #units = new Uint16Array(256)
  #length = 0

  /** UTF-16 units so far. */
  get length(): number {
    return this.#length
  }

  add(codePoint: number): void {
    this.#grow(2)
    if (codePoint > 0xffff) {
      const above = codePoint - 0x10000
      this.#units[this.#length] = 0xd800 + (above >> 10)
      this.#units[this.#length + 1] = 0xdc00 + (above & 0x3ff)
      this.#length += 2
    } else {
      this.#units[this.#length] = codePoint
      this.#length += 1
    }
  }

  addText(text: string): void {
    this.#grow(text.length)
    for (let i = 0; i < text.length; i += 1) this.#units[this.#length + i] = text.charCodeAt(i)
    this.#length += text.length
  }

  /** The text so far; the builder is empty then. */
  take(): string {
    const text = Buffer.from(this.#units.buffer, 0, this.#length * 2).toString('utf16le')
    this.#length = 0
    return text
  }

  #grow(by: number): void {
    if (this.#length + by <= this.#units.length) return
    const larger = new Uint16Array(Math.max(this.#length + by, this.#units.length * 2))
    larger.set(this.#units.subarray(0, this.#length))
    this.#units = larger
  }
}
