// Counters of a colony or of the whole server.

import { z } from 'zod';

export const Statistics = z.object({
  colonies: z.number(),
  executors: z.number(),
  activeexecutors: z.number(),
  unregisteredexecutors: z.number(),
  waitingprocesses: z.number(),
  runningprocesses: z.number(),
  successfulprocesses: z.number(),
  failedprocesses: z.number(),
  cancelledprocesses: z.number(),
  waitingworkflows: z.number(),
  runningworkflows: z.number(),
  successfulworkflows: z.number(),
  failedworkflows: z.number(),
  cancelledworkflows: z.number(),
});
export type Statistics = z.output<typeof Statistics>;
