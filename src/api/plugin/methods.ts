/**
 * Method names: in 4D a callback is a project method, named by a text. Here a name stands for the function that was registered under it.
 */

/** A callback; the surface decides which parameters it receives. */
export type PluginMethod = (...parameters: never[]) => unknown;

/** `methods.set('CB', fn)` makes the name 'CB' usable wherever a command takes a method. Names are compared literally. */
export const methods: Map<string, PluginMethod> = new Map();

/** Returns the function that a name stands for now, or the function itself; undefined for an empty or unknown name. */
export function resolveMethod(method: string | PluginMethod): PluginMethod | undefined {
  return typeof method === 'function' ? method : methods.get(method);
}
