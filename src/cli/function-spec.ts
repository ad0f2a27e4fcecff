// A function specification as `function submit` and `function exec` send it: defaults filled in.

import { usageProblem } from './errors.ts';
import { checkTyped, type JsonObject, objectIn } from './spec-file.ts';

/**
 * The specification of a file, with the colony when it names none and unlimited times where it says
 * 0 or nothing, as the original command line does.
 */
export const functionSpec = (file: JsonObject, colony: string | undefined): JsonObject => {
  const conditions = objectIn(file, 'conditions');
  checkTyped(conditions, 'executortype');
  const colonyname = conditions['colonyname'] || colony;
  if (colonyname === undefined) {
    throw usageProblem('COLONIES_COLONY_NAME not set, and no conditions.colonyname in the file');
  }
  return {
    ...file,
    maxwaittime: file['maxwaittime'] || -1,
    maxexectime: file['maxexectime'] || -1,
    conditions: { ...conditions, colonyname },
  };
};

/** `a,b` as a list; '' is empty. */
export const parseList = (text: string | undefined): readonly string[] =>
  text === undefined || text === '' ? [] : text.split(',');

/** `k:v,k2:v2` or `k=v,k2=v2` as a map; the value may contain the separator. */
export const parseMap = (
  text: string | undefined,
  separator: ':' | '=',
  flag: string,
): Readonly<Record<string, string>> =>
  Object.fromEntries(
    parseList(text).map((part) => {
      const at = part.indexOf(separator);
      if (at <= 0) {
        throw usageProblem(`invalid --${flag} ${JSON.stringify(part)}: use key${separator}value`);
      }
      return [part.slice(0, at), part.slice(at + 1)];
    }),
  );
