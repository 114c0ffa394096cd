/**
 * Splits a 4D method or class into lines, separates comments from statements, and joins continued lines. Every line of the text belongs to
 * exactly one `SourceLine`, so no line is lost.
 */

/** One statement or one comment, with its lines in the file. */
export interface SourceLine {
  /** The number of the first line in the file, counted from 1. */
  readonly number: number;
  /** The number of lines in the file. */
  readonly count: number;
  /** The code, without comments and without spaces at both ends; '' for a comment or an empty line. */
  readonly code: string;
  /** The text of the comments. */
  readonly comment: string;
  /** The lines as they are in the file. */
  readonly text: string;
}

/** Splits a text at any kind of line end. */
export function toLines(source: string): SourceLine[] {
  const texts = source.replace(/^\ufeff/, '').split(/\r\n|\r|\n/);
  const lines: SourceLine[] = [];
  for (let at = 0; at < texts.length; ) {
    const first = at;
    let { code, comment, isOpen } = withoutComments(texts[at++]!);
    // A statement continues on the next line if a comment is open, or if the code ends in a backslash.
    while (at < texts.length && (isOpen || code.trimEnd().endsWith('\\'))) {
      const next: Stripped = withoutComments(texts[at++]!, isOpen);
      if (!isOpen) code = `${code.trimEnd().slice(0, -1)} `;
      code += next.code;
      comment = [comment, next.comment].filter((text) => text !== '').join('\n');
      isOpen = next.isOpen;
    }
    lines.push({
      number: first + 1,
      count: at - first,
      code: code.trim(),
      comment,
      text: texts.slice(first, at).join('\n'),
    });
  }
  return lines;
}

interface Stripped {
  code: string;
  comment: string;
  /** True if a comment continues on the next line. */
  isOpen: boolean;
}

function withoutComments(text: string, isOpen = false): Stripped {
  let code = '';
  const comments: string[] = [];
  let at = 0;
  let inComment = isOpen;
  while (at < text.length) {
    if (inComment) {
      const end = text.indexOf('*/', at);
      comments.push(text.slice(at, end === -1 ? text.length : end).trim());
      if (end === -1) return { code, comment: comments.join(' '), isOpen: true };
      at = end + 2;
      inComment = false;
    } else if (text.startsWith('//', at)) {
      comments.push(text.slice(at + 2).trim());
      break;
    } else if (text.startsWith('/*', at)) {
      at += 2;
      inComment = true;
    } else if (text[at] === '"') {
      const end = endOfText(text, at);
      code += text.slice(at, end);
      at = end;
    } else {
      code += text[at++];
    }
  }
  return { code, comment: comments.join(' '), isOpen: inComment };
}

/** Returns the index after the closing quote, or the end of the line. */
export function endOfText(line: string, start: number): number {
  for (let at = start + 1; at < line.length; at++) {
    if (line[at] === '\\') at++;
    else if (line[at] === '"') return at + 1;
  }
  return line.length;
}
