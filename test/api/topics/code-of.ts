/** Returns the code of the error that a call of `Topics` throws. */
import { expect } from 'vitest';
import { TopicError } from '../../../src/api/topics/topic-error.ts';

/** Returns the code of the `TopicError` that `step` throws, or 'done' if `step` does not throw. */
export function codeOf(step: () => unknown): string {
  try {
    step();
  } catch (error) {
    expect(error).toBeInstanceOf(TopicError);
    return (error as TopicError).code;
  }
  return 'done';
}
