/**
 * Shows the progress of a run. At a terminal, a line counts the cases. Each case that is not OK always has a line.
 */

import type { CaseResult } from '../run/result.ts';
import { verdictOf } from './baseline.ts';

/** The stream to which the progress is written. */
export interface Screen {
  write(text: string): unknown;
  readonly isTTY?: boolean;
}

/** Shows results when they arrive. */
export class Progress {
  private readonly screen: Screen;
  private readonly total: number;
  private readonly start = performance.now();
  private done = 0;

  constructor(screen: Screen, total: number) {
    this.screen = screen;
    this.total = total;
  }

  add(result: CaseResult): void {
    this.done += 1;
    const notable = !result.passed || result.behavior === 'NON-STRICT' || result.flaky;
    if (notable) this.line(`${verdictOf(result)}  ${result.id}  ${tail(result)}`);
    this.count();
  }

  /** Writes the last line. */
  end(results: readonly CaseResult[]): void {
    if (this.screen.isTTY === true) this.screen.write('\r\x1b[K');
    const counts = new Map<string, number>();
    for (const result of results) counts.set(verdictOf(result), (counts.get(verdictOf(result)) ?? 0) + 1);
    const parts = [...counts]
      .sort(([, a], [, b]) => b - a)
      .map(([verdict, count]) => `${count} ${verdict === 'UNIMPLEMENTED' ? 'not applicable' : verdict}`);
    const seconds = ((performance.now() - this.start) / 1000).toFixed(1);
    this.screen.write(`${results.length} cases in ${seconds} s: ${parts.join('; ')}\n`);
  }

  private line(text: string): void {
    const clear = this.screen.isTTY === true ? '\r\x1b[K' : '';
    this.screen.write(`${clear}${text}\n`);
  }

  private count(): void {
    if (this.screen.isTTY === true) this.screen.write(`\r\x1b[K${this.done} of ${this.total}`);
  }
}

function tail(result: CaseResult): string {
  const sentences = new Set([result.result, result.resultClose]);
  const why = result.passed && !result.flaky ? '' : ` ${[...sentences].join(' ')}`;
  const flaky = result.flaky ? ' (flaky: it went otherwise the first time)' : '';
  return `${result.section}${why}${flaky}`;
}
