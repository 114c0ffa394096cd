/**
 * Finds the methods (callbacks) of the plugins by their names. In 4D, a callback is a project method, and a program passes the method's
 * name as a text. Here, the name stands for the function that the program registered under this name.
 */

/** A callback. Version 1 and version 2 of the plugin pass different parameters to the callback. */
export type PluginMethod = (...parameters: never[]) => unknown;

/** After `methods.set('CB', fn)`, commands accept the name 'CB' as a method. Upper and lower case matter. */
export const methods: Map<string, PluginMethod> = new Map();

/** Returns the function that the program has registered with this name; undefined for an unknown name. A function is returned unchanged. */
export function resolveMethod(method: string | PluginMethod): PluginMethod | undefined {
  return typeof method === 'function' ? method : methods.get(method);
}
