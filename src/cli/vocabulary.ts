// Which of the two vocabularies an invocation speaks: runtimes, colony ids (2022) or executors,
// colony names (1.9). One pure function of flags and environment; the texts and tables follow from
// it.

import type { Env } from './env.ts';

export type Vocabulary = 'runtime' | 'executor';

const RUNTIME_FLAGS = ['runtimeid', 'runtimeprvkey', 'serverid', 'colonyid'];
const EXECUTOR_FLAGS = ['prvkey', 'colonyname'];

/** Whether the environment is one of 2022; it wins over a 1.9 environment that is set too. */
export const isRuntimeEnv = (env: Env): boolean =>
  (env.COLONIES_RUNTIMEID ??
    env.COLONIES_RUNTIMEPRVKEY ??
    env.COLONIES_COLONYID ??
    env.COLONIES_SERVERID) !== undefined;

/** Flags that only one vocabulary has decide; else the environment; else executors. */
export const vocabularyOf = (env: Env, flags: Readonly<object> = {}): Vocabulary => {
  const values = flags as Readonly<Record<string, unknown>>;
  const given = (names: readonly string[]): boolean =>
    names.some((name) => values[name] !== undefined);
  const runtime = given(RUNTIME_FLAGS);
  if (runtime !== given(EXECUTOR_FLAGS)) return runtime ? 'runtime' : 'executor';
  return isRuntimeEnv(env) ? 'runtime' : 'executor';
};
