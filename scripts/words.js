/** Checks for plain English: `node scripts/words.js` fails if a line matches one of these patterns. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * Each pattern matches a wording that we do not use. The text suggests other words.
 * @type {readonly (readonly [RegExp, string])[]}
 */
export const patterns = [
  [
    /\bbehind (?:an? (?!proxy|load balancer|firewall|router|NAT)|it\b|its\b|our\b|each\b|that\b|them\b|this\b|those\b|all\b|what\b|which\b|the (?!proxy|firewall))/i,
    '"after" for time, "beyond", "following" or "at the end of" for bytes',
  ],
  [/\b(?:that|what|who) can't be\b/i, '"invalid"'],
  [/(?<!there )\b(?:is|are) none\b/i, '"is not a valid …", "there is no …"'],
  [/\bof our own\b|\bof ours\b(?!\))/i, '"our", "its", or the name of the thing'],
  [
    /\b(?:[Nn]obody|[Ss]omebody|[Ww]hoever|who asks)\b/,
    'the actor: "no listener", "the peer", "the application", "the caller"',
  ],
  [
    /\bhears? (?:of|1006|500|503)\b|\bto hear\b|\b(?:is|are) told\b(?! (?:apart|from))/i,
    '"is notified", "receives"',
  ],
  [/(?:^|[.:] |\/\/ |\* )Of an? /, 'a full sentence with a verb'],
  [/^\W*Where (?:no|there)\b/, '"if" for a condition'],
  // IXWebSocket, the library of the 4D plugins, has "> 125 octets" in one of its texts.
  [/(?<!> 125 )\boctets?\b(?!-stream)/i, '"bytes"'],
  [/[a-z]Elsewhere\b/, '"…Async" or "…InThreadPool"'],
  [/\b[A-Z]+_UP_TO\b|\bMOST_[A-Z]/, '"…_THRESHOLD", "MAX_…"'],
  [/\bisOurs\b|\bshakeHands\b|\btakesSerialized\b/, '"ownsPayload", "performHandshake", "canSendSerialized"'],
];

const root = fileURLToPath(new URL('..', import.meta.url));

/** Files that are not checked. They quote these words, are generated, or have texts of another product. */
const excepted =
  /^(?:scripts\/words\.js|test\/(?:scripts\/words\.test|conformance\/facts)\.ts|docs\/(?:requirements|errors|conformance|structure|limits)\.|package-lock\.json|LICENSE|src\/api\/plugin\/engine-texts)/;

const checked = /\.(?:[cm]?[jt]s|md|py|go|sh)$|^\.ci\/run$/;

/** Returns all lines that match a pattern. @returns {{ file: string, line: number, text: string, hint: string }[]} */
export function findWords() {
  const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  });
  return files
    .split('\n')
    .filter((file) => checked.test(file) && !excepted.test(file))
    .flatMap((file) => findIn(file, readTracked(file)));
}

/**
 * Returns the content of a file, or '' if the file does not exist: git still lists a deleted file before the commit.
 * @param {string} file
 */
function readTracked(file) {
  try {
    return readFileSync(`${root}${file}`, 'utf8');
  } catch {
    return '';
  }
}

/** @param {string} file @param {string} content */
export function findIn(file, content) {
  return content.split('\n').flatMap((whole, index) => {
    const text = whole.trim();
    const found = patterns.find(([pattern]) => pattern.test(text));
    return found === undefined ? [] : [{ file, line: index + 1, text, hint: found[1] }];
  });
}

function main() {
  const found = findWords();
  for (const { file, line, text, hint } of found)
    console.error(`${file}:${line}: ${text}\n    write ${hint}`);
  console.log(`${found.length} lines to be written in plain English`);
  if (found.length > 0) process.exitCode = 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
