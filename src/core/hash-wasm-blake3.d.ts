/** The one function of hash-wasm that is used, from a file of its own: the whole library is ten times as large. */
declare module 'hash-wasm/dist/blake3.umd.min.js' {
  const library: { readonly createBLAKE3: typeof import('hash-wasm').createBLAKE3 }
  // biome-ignore lint/style/noDefaultExport: the file of that library is a CommonJS module
  export default library
}
