/** Bull Board at `/admin/queues`: every queue and job, for the operator. */

import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { ExpressAdapter } from '@bull-board/express';
import { Router } from 'express';
import type { JobQueue } from '../job-queue.ts';

const PATH = '/queues';

export function adminRoutes(mountPath: string, jobs: JobQueue): Router {
  const serverAdapter = new ExpressAdapter();
  serverAdapter.setBasePath(`${mountPath}${PATH}`);
  createBullBoard({
    queues: jobs.all.map((queue) => new BullMQAdapter(queue)),
    serverAdapter,
    options: { uiConfig: { boardTitle: 'Amanuensis' } },
  });
  const router = Router();
  router.use(PATH, serverAdapter.getRouter());
  return router;
}
