// The bootstraps that the program is shipped with: empty until there are operators to name. Never
// an
// invented host.

import list from '../dht/bootstrap.json' with { type: 'json' };

export const SHIPPED_BOOTSTRAPS: readonly string[] = list;
