// Every bound of an attached client: a name, a unit, a default and a reason, as in
// ../node/limits.ts.

export const LIMITS = {
  /** Bootstraps that a client asks and works through. */
  attachBootstrapsMax: 16,
  /** Time for a bootstrap to say who it is; the others get a moment more once one has. */
  attachStatusMs: 3_000,
  attachGraceMs: 250,
  /** Time for a host to prove itself to a client before it is sent a call … */
  attachProbeMs: 2_000,
  /** … which counts this long, so that calls in a row are not preceded by a challenge each … */
  attachAliveMs: 10_000,
  /** … and a failure this long: the way back to a home that returned. */
  attachDownMs: 2_000,
  /** A host that was met directly is not looked for through other nodes for this long. */
  attachDirectMs: 60_000,
  /** Age at which a client looks the hosts of its colony up again, to follow moves. */
  attachRefreshMs: 30_000,
  /** A call that was sent and not answered is repeated at its host this long, at this pace. */
  attachRepeatMs: 12_000,
  attachRepeatEveryMs: 500,
  /** Processes of which a client remembers the server they live on. */
  attachThingsMax: 10_000,
} as const;
