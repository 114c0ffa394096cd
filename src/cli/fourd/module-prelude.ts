/** Has helper functions for commands without an equivalent in JavaScript. A translated module contains only the helpers that it needs. */

export const helpers: Readonly<Record<string, string>> = {
  Form: `/** The variables that the 4D program kept in a form. */
const Form = {};`,
  same: `/** 4D compares texts without regard to case and accents. */
const same = (one, other) =>
  typeof one === 'string' && typeof other === 'string'
    ? one.localeCompare(other, undefined, { sensitivity: 'base' }) === 0
    : one === other;`,
  each: `/** 4D's For each takes the items of a collection, or the property names of an object; Null has none. */
const each = (value) => (Array.isArray(value) ? value : Object.keys(value ?? {}));`,
  plain: `/** 4D's Uppercase and Lowercase remove accents, unless their last argument is *. */
const plain = (text) => text.normalize('NFD').replace(/\\p{M}/gu, '');`,
  withTexts: `/** The methods of 4D receive events as JSON texts. */
const withTexts = (method) => (...parameters) =>
  method(...parameters.map((one) => (typeof one === 'object' && one !== null ? JSON.stringify(one) : one)));`,
};
