/**
 * Writes the commands of 4D and of the plugins as JavaScript. table.ts describes each command for users. A command that is not in this file
 * has no translation.
 */

import type { FunctionScope } from './scope.ts';
import { type Argument, Untranslatable } from './syntax.ts';

type Emit = (args: readonly Argument[], scope: FunctionScope) => string;

/** Plugin commands that end with one of these words return a Promise in this package. One example is `Websocket client start`. */
const waiting: ReadonlySet<string> = new Set(['start', 'stop', 'clear']);
const versionOf = { plugin: 2, 'plugin-v1': 1 } as const;
const only: Readonly<Record<string, 1 | 2>> = {
  'set method': 2,
  'get method': 2,
  'server clients': 1,
  'server messages': 1,
  'client messages': 1,
};
const commands: ReadonlySet<string> = new Set([
  ...['client', 'server'].flatMap((side) => [
    side,
    ...['start', 'stop', 'send', 'clear'].map((verb) => `${side} ${verb}`),
  ]),
  ...Object.keys(only),
]);

function pluginCommand(name: string, args: readonly Argument[], scope: FunctionScope): string | null {
  const words = /^websocket (.+)$/.exec(name)?.[1];
  if (words === undefined || !commands.has(words)) return null;
  const version = versionOf[scope.project.version];
  if ((only[words] ?? version) !== version)
    throw new Untranslatable(`${name}, which version ${version} of the plugin has not`);
  const isSend = words.endsWith(' send');
  const most = isSend && version === 1 ? 2 : 1;
  if (args.length > most) throw new Untranslatable(`${name} with ${args.length} parameters`);
  const own = scope.project.command(
    `websocket${words
      .split(' ')
      .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
      .join('')}`,
  );
  const call = `${own}(${args.map((one) => scope.write.argument(one, scope)).join(', ')})`;
  return waiting.has(words.split(' ')[1] ?? '') ? scope.await(call) : call;
}

const take = (args: readonly Argument[], scope: FunctionScope, count: number): string[] => {
  if (args.length !== count)
    throw new Untranslatable(`a command with ${args.length} parameters, not ${count}`);
  return args.map((one) => scope.write.argument(one, scope));
};

/** Adds parentheses around code that is not a simple name or text. A following member call or operator then applies to the whole code. */
const operand = (code: string): string =>
  /^[\w$.]+$/.test(code) || /^'[^']*'$/.test(code) ? code : `(${code})`;

const letters =
  (method: 'toUpperCase' | 'toLowerCase'): Emit =>
  (args, scope) => {
    const keepsAccents = args[1] === '*';
    const [text = ''] = take(keepsAccents ? args.slice(0, 1) : args, scope, 1);
    if (keepsAccents) return `${operand(text)}.${method}()`;
    return `${scope.project.help('plain')}(${text}).${method}()`;
  };

function assertUtf8(argument: Argument | undefined): void {
  const isName = typeof argument === 'object' && (argument.kind === 'name' || argument.kind === 'text');
  const value = !isName ? '' : argument.kind === 'name' ? argument.name : argument.value;
  if (!/^(?:utf8 text without length|utf-?8)$/i.test(value))
    throw new Untranslatable('a text that is not UTF-8');
}

function toBlob(text: Argument | undefined, blob: Argument | undefined, scope: FunctionScope): string {
  if (text === undefined || typeof blob !== 'object' || blob.kind !== 'variable')
    throw new Untranslatable('a BLOB without a variable');
  return `${scope.variable(blob.name)} = Buffer.from(${scope.write.argument(text, scope)})`;
}

/**
 * Writes CALL WORKER. The content of a `Formula(…)` replaces the command. If a method is given by its name, setImmediate calls the method
 * after the current code has returned.
 */
const callWorker: Emit = (args, scope) => {
  const [, task, ...others] = args;
  if (
    typeof task === 'object' &&
    task.kind === 'call' &&
    task.name.toLowerCase() === 'formula' &&
    others.length === 0
  ) {
    const [action, ...more] = task.args;
    if (action === undefined || action === '*' || more.length > 0) throw new Untranslatable('Formula');
    return action.kind === 'assignment'
      ? scope.write.assignment(action, scope)
      : scope.write.expression(action, scope);
  }
  const method =
    typeof task === 'object' && task.kind === 'text'
      ? scope.project.methods.get(task.value.toLowerCase())
      : undefined;
  if (method === undefined) throw new Untranslatable('CALL WORKER with a method that is not in the folder');
  const values = others.map((one) => scope.write.argument(one, scope));
  return `setImmediate(${[method, ...values].join(', ')})`;
};

const general: Readonly<Record<string, Emit>> = {
  'call worker': callWorker,
  alert: (args, scope) => `console.log(${take(args, scope, 1)[0]})`,
  uppercase: letters('toUpperCase'),
  lowercase: letters('toLowerCase'),
  'json parse': (args, scope) => `JSON.parse(${take(args, scope, 1)[0]})`,
  'json stringify': (args, scope) => `JSON.stringify(${take(args, scope, 1)[0]})`,
  'new object': (args, scope) => {
    const members: string[] = [];
    for (let at = 0; at < args.length; at += 2) {
      const [key, value] = [args[at], args[at + 1]];
      if (typeof key !== 'object' || key.kind !== 'text' || value === undefined)
        throw new Untranslatable('New object with computed names');
      members.push(`${propertyName(key.value)}: ${scope.write.argument(value, scope)}`);
    }
    return members.length === 0 ? '{}' : `{ ${members.join(', ')} }`;
  },
  'new collection': (args, scope) => `[${args.map((one) => scope.write.argument(one, scope)).join(', ')}]`,
  'ob copy': (args, scope) => `structuredClone(${take(args, scope, 1)[0]})`,
  'text to blob': (args, scope) => {
    if (args.length !== 3) throw new Untranslatable('TEXT TO BLOB without its format');
    assertUtf8(args[2]);
    return toBlob(args[0], args[1], scope);
  },
  'convert from text': (args, scope) => {
    if (args.length !== 3) throw new Untranslatable('CONVERT FROM TEXT');
    assertUtf8(args[1]);
    return toBlob(args[0], args[2], scope);
  },
  'convert to text': (args, scope) => {
    assertUtf8(args[1]);
    return `${operand(take(args.slice(0, 1), scope, 1)[0]!)}.toString('utf8')`;
  },
  'blob to text': (args, scope) => {
    assertUtf8(args[1]);
    return `${operand(take(args.slice(0, 1), scope, 1)[0]!)}.toString('utf8')`;
  },
  length: (args, scope) => `${operand(take(args, scope, 1)[0]!)}.length`,
  string: (args, scope) => `String(${take(args, scope, 1)[0]})`,
  not: (args, scope) => `!${operand(take(args, scope, 1)[0]!)}`,
  choose: (args, scope) => {
    const [condition, yes, no] = take(args, scope, 3);
    return `(${condition} ? ${yes} : ${no})`;
  },
  'web start server': (args, scope) => {
    take(args, scope, 0);
    return scope.await(`${scope.project.use('rfc6455/4d', 'webServer')}.start()`);
  },
  'web stop server': (args, scope) => {
    take(args, scope, 0);
    return scope.await(`${scope.project.use('rfc6455/4d', 'webServer')}.stop()`);
  },
};

/** The names of the commands that have a translation. A test compares these names with table.ts. */
export const translatedCommands: readonly string[] = [
  ...Object.keys(general),
  ...[...commands].map((words) => `websocket ${words}`),
];

/** Writes the call of a command or of a method of the program. @throws {Untranslatable} if the call has no translation */
export function emitCall(name: string, args: readonly Argument[], scope: FunctionScope): string {
  const key = name.toLowerCase();
  const method = scope.project.methods.get(key);
  if (method !== undefined) {
    const call = `${method}(${args.map((one) => scope.write.argument(one, scope)).join(', ')})`;
    return scope.project.async.has(`${key}()`) ? scope.await(call) : call;
  }
  const plugin = pluginCommand(key, args, scope);
  if (plugin !== null) return plugin;
  const found = Object.hasOwn(general, key) ? general[key] : undefined;
  if (found === undefined)
    throw new Untranslatable(
      `${name}, which is neither a method of the folder nor a command that is known here`,
    );
  return found(args, scope);
}

/** Returns true if a name without parentheses calls a command or a method of the program. */
export function isCommand(name: string, scope: FunctionScope): boolean {
  const key = name.toLowerCase();
  return scope.project.methods.has(key) || translatedCommands.includes(key);
}

export function propertyName(name: string): string {
  return /^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(name) && name !== '__proto__'
    ? name
    : `[${JSON.stringify(name)}]`;
}
