/**
 * Reads TypeScript source for the checks of this project. It finds comments, strings, imports and the titles of tests. It does not need the
 * TypeScript compiler.
 */

/**
 * @typedef {{ start: number, end: number, value: string }} Text a string, a template literal or a comment. `value` is the text between the
 *   delimiters. Escapes are not decoded
 */

/** Matches code after which a slash begins a regular expression. After other code, a slash is a division. */
const beforeRegExp =
  /(?:^|[(,=:[!&|?{};+\-*%<>~^]|\b(?:return|typeof|case|in|of|do|else|void|throw|delete|await|yield))$/;

/**
 * Splits source text into code, strings and comments. `code` is the source, but comments and the contents of strings are replaced with
 * spaces. So a search in `code` finds only code, and its positions are the positions in the source.
 * @param {string} source
 * @returns {{ code: string, strings: Text[], comments: Text[] }}
 */
export function scan(source) {
  const code = source.split('');
  /** @type {Text[]} */
  const strings = [];
  /** @type {Text[]} */
  const comments = [];
  /** The unclosed `${` of template literals. `depth` is the number of open braces before it. @type {{ depth: number, start: number }[]} */
  const templates = [];
  let depth = 0;
  let at = 0;

  /** @param {number} from @param {number} to */
  const blank = (from, to) => {
    for (let i = from; i < to; i++) if (code[i] !== '\n') code[i] = ' ';
  };
  const lately = () =>
    code
      .slice(Math.max(0, at - 200), at)
      .join('')
      .trimEnd();
  /** Reads the text of a template literal after the backtick, or after the brace that closes `${`. @param {number} start */
  const template = (start) => {
    const from = at;
    for (; at < source.length; at++) {
      const c = source[at];
      if (c === '\\') at++;
      else if (c === '`') {
        blank(from, at);
        strings.push({ start, end: at + 1, value: source.slice(start + 1, at) });
        at++;
        return;
      } else if (c === '$' && source[at + 1] === '{') {
        blank(from, at + 2);
        templates.push({ depth, start });
        at += 2;
        return;
      }
    }
    blank(from, at);
  };

  while (at < source.length) {
    const c = source[at] ?? '';
    const two = source.slice(at, at + 2);
    if (two === '//' || (two === '#!' && at === 0)) {
      let end = source.indexOf('\n', at);
      if (end < 0) end = source.length;
      comments.push({ start: at, end, value: source.slice(at + 2, end) });
      blank(at, end);
      at = end;
    } else if (two === '/*') {
      let end = source.indexOf('*/', at + 2);
      end = end < 0 ? source.length : end + 2;
      comments.push({ start: at, end, value: source.slice(at + 2, end - 2) });
      blank(at, end);
      at = end;
    } else if (c === "'" || c === '"') {
      let end = at + 1;
      while (end < source.length && source[end] !== c && source[end] !== '\n')
        end += source[end] === '\\' ? 2 : 1;
      strings.push({ start: at, end: end + 1, value: source.slice(at + 1, end) });
      blank(at + 1, end);
      at = end + 1;
    } else if (c === '`') {
      at++;
      template(at - 1);
    } else if (c === '/' && beforeRegExp.test(lately())) {
      let end = at + 1;
      for (let inClass = false; end < source.length && source[end] !== '\n'; end++) {
        const r = source[end];
        if (r === '\\') end++;
        else if (r === '[') inClass = true;
        else if (r === ']') inClass = false;
        else if (r === '/' && !inClass) break;
      }
      blank(at + 1, end);
      at = end + 1;
    } else {
      if (c === '{') depth++;
      else if (c === '}') {
        const open = templates.at(-1);
        if (open !== undefined && open.depth === depth) {
          templates.pop();
          blank(at, at + 1);
          at++;
          template(open.start);
          continue;
        }
        depth--;
      }
      at++;
    }
  }
  return { code: code.join(''), strings, comments };
}

/**
 * Finds the end of the group that begins at `open` with (, [ or {.
 * @param {string} code the code without comments and strings, see {@link scan}
 * @param {number} open
 * @returns {number} the index after the closing character, or the end of the text
 */
export function groupEnd(code, open) {
  let depth = 0;
  for (let at = open; at < code.length; at++) {
    const c = code[at] ?? '';
    if ('([{'.includes(c)) depth++;
    else if (')]}'.includes(c) && --depth === 0) return at + 1;
  }
  return code.length;
}

/**
 * @param {string} source
 * @param {number} offset
 * @returns {number} the line number, which begins at 1
 */
export function lineOf(source, offset) {
  return source.slice(0, offset).split('\n').length;
}

/**
 * @typedef {{ specifier: string, line: number, typeOnly: boolean, reexport: boolean, dynamic: boolean }} Import
 */

/**
 * Lists the imports of a module: `import … from`, `export … from`, `import '…'`, `import('…')` and `require('…')`. `typeOnly` is true if
 * the compiled file does not contain the import.
 * @param {string} source
 * @returns {Import[]}
 */
export function importsOf(source) {
  const { code, strings } = scan(source);
  const byStart = new Map(strings.map((text) => [text.start, text.value]));
  /** @type {Import[]} */
  const found = [];
  /** @param {number} quote @param {number} start @param {Partial<Import>} kind */
  const add = (quote, start, kind) => {
    const specifier = byStart.get(quote) ?? '<computed>';
    found.push({
      specifier,
      line: lineOf(source, start),
      typeOnly: false,
      reexport: false,
      dynamic: false,
      ...kind,
    });
  };
  // The pattern allows only the characters that can occur between `import` and `from`. So a match cannot include a second statement.
  for (const m of code.matchAll(/(?<![\w$.])(import|export)\s+([\w$*{},\s]*?)\s*\bfrom\s*(?=['"])/g)) {
    const clause = (m[2] ?? '').trim();
    add(m.index + m[0].length, m.index, {
      // `import { type A }` is not type-only: with verbatimModuleSyntax, the compiled file keeps `import {}`, which loads the module.
      typeOnly: /^type\s*[\w${*]/.test(clause) && clause !== 'type',
      reexport: m[1] === 'export',
    });
  }
  for (const m of code.matchAll(/(?<![\w$.])import\s*(?=['"])/g)) add(m.index + m[0].length, m.index, {});
  for (const m of code.matchAll(/(?<![\w$.])(?:import|require)\s*\(\s*/g)) {
    // In a type, `typeof import('…')` and `import('…').Name` also count as calls: the scanner cannot distinguish them.
    add(m.index + m[0].length, m.index, { dynamic: true });
  }
  return found;
}

/**
 * @typedef {{ title: string, line: number, kind: 'test' | 'describe', tests: number, skipped: boolean }} Title
 * `tests`: the number of tests inside a describe; 1 for a test
 */

/**
 * Lists the titles of test, it and describe, also after modifiers such as `.each(…)`, `.for(…)` and `.skipIf(…)`. A title that is computed,
 * or that comes from a table, cannot be read. If a file has such a title, every string of the file that begins with an id counts as a
 * title. An example is `['F16: a fragmented ping', …]`.
 * @param {string} source
 * @returns {Title[]}
 */
export function titlesOf(source) {
  const { code, strings } = scan(source);
  const byStart = new Map(strings.map((text) => [text.start, text]));
  /** @type {Title[]} */
  const titles = [];
  /** @type {{ start: number, end: number, title: Title }[]} */
  const calls = [];
  const taken = new Set();
  let computed = false;
  for (const m of code.matchAll(/(?<![\w$.'"`])(test|it|describe|suite)(?=\s*[.(])/g)) {
    let at = m.index + m[0].length;
    let last = '';
    let skipped = false;
    let open = -1;
    for (;;) {
      at += /^\s*/.exec(code.slice(at))?.[0].length ?? 0;
      const member = /^\.\s*([\w$]+)/.exec(code.slice(at));
      if (member) {
        last = member[1] ?? '';
        if (last === 'skip' || last === 'todo') skipped = true;
        at += member[0].length;
      } else if (code[at] === '(' && ['each', 'for', 'skipIf', 'runIf'].includes(last)) {
        at = groupEnd(code, at);
        last = '';
      } else if (code[at] === '<' && /^<[^()]*>\s*[(`]/.test(code.slice(at))) {
        at += /^<[^()]*>/.exec(code.slice(at))?.[0].length ?? 1;
      } else if (code[at] === '`') {
        at = byStart.get(at)?.end ?? at + 1;
        last = '';
      } else {
        if (code[at] === '(') open = at;
        break;
      }
    }
    if (open < 0 || ['extend', 'step'].includes(last)) continue;
    const first = open + 1 + (/^\s*/.exec(code.slice(open + 1))?.[0].length ?? 0);
    const text = byStart.get(first);
    if (text === undefined || /%[sjoi]|\$/.test(text.value)) computed = true;
    if (text === undefined) continue;
    taken.add(text.start);
    const kind = m[1] === 'describe' || m[1] === 'suite' ? 'describe' : 'test';
    const title = {
      title: unquoted(text.value),
      line: lineOf(source, m.index),
      kind: /** @type {'test' | 'describe'} */ (kind),
      tests: kind === 'test' ? 1 : 0,
      skipped,
    };
    titles.push(title);
    calls.push({ start: m.index, end: groupEnd(code, open), title });
  }
  for (const outer of calls) {
    if (outer.title.kind !== 'describe') continue;
    for (const inner of calls) {
      if (inner.start <= outer.start || inner.end > outer.end) continue;
      if (outer.title.skipped) inner.title.skipped = true;
      if (inner.title.kind === 'test' && !inner.title.skipped) outer.title.tests++;
    }
  }
  if (computed) {
    for (const text of strings) {
      if (taken.has(text.start) || idsOf(text.value).length === 0) continue;
      const line = lineOf(source, text.start);
      titles.push({ title: unquoted(text.value), line, kind: 'test', tests: 1, skipped: false });
    }
  }
  return titles.sort((a, b) => a.line - b.line);
}

/** @param {string} literal */
function unquoted(literal) {
  return literal.replace(/\\(['"`\\])/g, '$1');
}

const list = String.raw`[A-Z]\d+(?:(?:, ?| and |\/)[A-Z]\d+)*`;
const leading = new RegExp(`^(${list}):`);
const bracketed = new RegExp(String.raw`\[(${list})\]`, 'g');

/**
 * Returns the ids of the requirements that a title names: at its start, such as `F16: …` or `S4, S20: …`, or anywhere in brackets, such as
 * `… [F16, C4]`. An id at another place does not count, because bytes can look like ids (F4 90 80 80).
 * @param {string} title
 * @returns {string[]}
 */
export function idsOf(title) {
  const lists = [leading.exec(title)?.[1] ?? '', ...[...title.matchAll(bracketed)].map((m) => m[1] ?? '')];
  return lists.flatMap((text) => text.match(/[A-Z]\d+/g) ?? []);
}
