/**
 * The options `host` and `port` of servers. Node.js accepts some values that are probably mistakes. If the host is empty, a number or
 * `false`, Node.js listens on every interface. If the port is a string, Node.js uses it as the path of a Unix domain socket. In this
 * library, each of these values is an error.
 */

import { custom, integer, type OptionSpec, show } from './option-spec.ts';

interface About<Default> {
  readonly default?: Default;
  readonly defaultText?: string;
  readonly text: string;
}

/** Makes an option for an IP address or a host name. */
export function hostOption<Default extends string | undefined = undefined>(
  about: About<Default>,
): OptionSpec<string, string | Default> {
  return custom<string, Default>('an IP address or a name', about, (value, name) => {
    if (typeof value !== 'string') {
      throw new TypeError(`${name} is ${show(value)}, not a string with an IP address or a name`);
    }
    if (value.trim() === '') {
      throw new TypeError(`${name} is empty: '0.0.0.0' listens on every IPv4 interface, '::' on every one`);
    }
  });
}

/** Makes an option for a port. 0 stands for any free port. */
export function portOption<Default extends number | undefined = undefined>(
  about: About<Default>,
): OptionSpec<number, number | Default> {
  return integer(0, 65_535, about);
}
