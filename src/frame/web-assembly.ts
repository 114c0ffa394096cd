/** Loads our WebAssembly, where a process has it: its types are absent from lib.es2023, and a policy may forbid it. */

interface WebAssemblyApi {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object) => { readonly exports: object };
}

/**
 * An instance of a module without imports.
 * @param bytes the module in base64
 * @returns its exports; null if this process cannot use WebAssembly, or not this module
 */
export function instantiate<Exports extends object>(bytes: string): Exports | null {
  try {
    const { Module, Instance } = (globalThis as unknown as { WebAssembly: WebAssemblyApi }).WebAssembly;
    return new Instance(new Module(Buffer.from(bytes, 'base64'))).exports as Exports;
  } catch {
    return null;
  }
}
