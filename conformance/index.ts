/**
 * The entry point `rfc6455/conformance`.
 */

// The declarations use Buffer and node:stream. TypeScript 6 and later load @types/node only if a file refers to it.
/// <reference types="node" preserve="true" />

export type {
  Behavior,
  BehaviorClose,
  Case,
  Check,
  Event,
  Expectation,
  Kind,
  Level,
  Role,
  Step,
} from './case/model.ts';
export type { Observation } from './case/observation.ts';
export { allCases, titles } from './cases.ts';
export {
  type ClientRunOptions,
  casesFor,
  type RunOptions,
  runClientCases,
  runServerCases,
  type ServerRunOptions,
} from './judge.ts';
export { type Baseline, baselineOf, differences } from './report/baseline.ts';
export { writeReports } from './report/write.ts';
export { Driver, type DriverAddress, type DriverOptions } from './run/driver.ts';
export type { CaseResult } from './run/result.ts';
export type { TimelineEntry } from './run/timeline.ts';
export { type Vector, type VectorEvent, vectors } from './vectors.ts';
