/** Loads our WebAssembly modules. A process may be configured to forbid WebAssembly. lib.es2023 has no types for WebAssembly. */

interface WebAssemblyApi {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object) => { readonly exports: object };
}

/**
 * Instantiates a module that has no imports.
 * @param bytes the module in base64
 * @returns the exports of the module, or null if the process cannot use WebAssembly or this module
 */
export function instantiate<Exports extends object>(bytes: string): Exports | null {
  try {
    const { Module, Instance } = (globalThis as unknown as { WebAssembly: WebAssemblyApi }).WebAssembly;
    return new Instance(new Module(Buffer.from(bytes, 'base64'))).exports as Exports;
  } catch {
    return null;
  }
}
