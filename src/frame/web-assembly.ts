/**
 * Loads our WebAssembly modules if the process supports WebAssembly. A policy may forbid it, and lib.es2023 has no types for it.
 */

interface WebAssemblyApi {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object) => { readonly exports: object };
}

/**
 * Instantiates a module that has no imports.
 * @param bytes the module in base64
 * @returns its exports; null if this process cannot use WebAssembly, or cannot use this module
 */
export function instantiate<Exports extends object>(bytes: string): Exports | null {
  try {
    const { Module, Instance } = (globalThis as unknown as { WebAssembly: WebAssemblyApi }).WebAssembly;
    return new Instance(new Module(Buffer.from(bytes, 'base64'))).exports as Exports;
  } catch {
    return null;
  }
}
