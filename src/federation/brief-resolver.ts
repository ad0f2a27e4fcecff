// Resolutions as the relay needs them: by the thousand and of the same few colonies. What was found is
// good for a moment; whoever asks anew gets it anew.

import type { Clock } from '../node/clock.ts';
import { FEDERATION_LIMITS } from './limits.ts';
import type { Resolution, ResolveOptions, Resolver } from './resolve.ts';

interface Brief {
  readonly until: number;
  readonly found: Promise<Resolution | undefined>;
}

/** The same resolver with a memory of a moment for quick questions. */
export const briefly = (
  { resolve }: Pick<Resolver, 'resolve'>,
  clock: Pick<Clock, 'now'>,
): Pick<Resolver, 'resolve'> => {
  const known = new Map<string, Brief>();
  const keep = (colonyid: string, found: Promise<Resolution | undefined>): void => {
    known.delete(colonyid);
    known.set(colonyid, { until: clock.now() + FEDERATION_LIMITS.resolvedBriefMs, found });
    const oldest =
      known.size > FEDERATION_LIMITS.resolvedBriefMax ? known.keys().next().value : undefined;
    if (oldest !== undefined) known.delete(oldest);
    // What failed, or found nothing, is asked again at once.
    const forget = (): void => {
      if (known.get(colonyid)?.found === found) known.delete(colonyid);
    };
    found.then((resolution) => resolution ?? forget(), forget);
  };
  return {
    resolve: (colonyid, options: ResolveOptions = {}) => {
      const brief = options.anew === true ? undefined : known.get(colonyid);
      if (brief !== undefined && options.until === 'first' && brief.until > clock.now()) {
        return brief.found;
      }
      const found = resolve(colonyid, options);
      keep(colonyid, found);
      return found;
    },
  };
};
