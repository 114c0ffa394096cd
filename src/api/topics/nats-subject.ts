/**
 * Converts topics to subjects of NATS, and back. `/` becomes `.`, and `**` becomes `>`. Other characters that a subject cannot contain are
 * escaped as in a URL. NATS does not allow empty parts, so an empty part becomes `%`.
 */

// Characters with a special meaning in a NATS subject. Dots separate tokens, white space ends the subject, and the tokens "*" and ">" are
// wildcards.
const special = /[.*>%\s\p{Cc}]/gu;

/** The maximum length of a subject in bytes. NATS ends the connection if a line of its protocol is longer than 4,096 bytes. */
export const MAX_SUBJECT = 3_000;

/**
 * Returns the subject of a topic or pattern.
 * @throws {RangeError} if the subject is longer than `MAX_SUBJECT`
 */
export function toSubject(prefix: string, pattern: string): string {
  const parts = pattern.split('/');
  const last = parts.length - 1;
  const tokens = parts.map((part, at) => {
    if (part === '*') return '*';
    return part === '**' && at === last ? '>' : escapePart(part);
  });
  const subject = `${prefix}.${tokens.join('.')}`;
  if (Buffer.byteLength(subject) > MAX_SUBJECT) {
    throw new RangeError(`the topic is longer than the ${MAX_SUBJECT} bytes that a subject of NATS may have`);
  }
  return subject;
}

/** Returns the topic of a subject with this prefix. Returns null for any other subject, because other programs can also publish to NATS. */
export function toTopic(prefix: string, subject: string): string | null {
  if (!subject.startsWith(`${prefix}.`)) return null;
  try {
    return subject
      .slice(prefix.length + 1)
      .split('.')
      .map((token) => (token === '%' ? '' : decodeURIComponent(token)))
      .join('/');
  } catch {
    return null;
  }
}

function escapePart(part: string): string {
  return part === '' ? '%' : part.replace(special, (character) => escapeBytes(character));
}

function escapeBytes(character: string): string {
  let text = '';
  for (const byte of Buffer.from(character)) text += `%${byte.toString(16).padStart(2, '0').toUpperCase()}`;
  return text;
}
