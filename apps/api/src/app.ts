/** The Express app, built from its parts. */

import { randomUUID } from 'node:crypto';
import { errorToRecord, type Logger } from '@amanuensis/log';
import express, { type Express } from 'express';
import helmet from 'helmet';
import type { Redis } from 'ioredis';
import { pinoHttp } from 'pino-http';
import { notFound, problemHandler } from './problem.ts';
import { adminRoutes } from './routes/admin.ts';
import { healthRoutes } from './routes/health.ts';
import { transcriptionRoutes } from './routes/transcriptions.ts';
import type { UploadParts } from './upload-to-job.ts';

const REQUEST_ID = /^[\w.-]{1,128}$/;
const ADMIN_PATH = '/admin';

export interface AppParts extends UploadParts {
  readonly redis: Redis;
  readonly models: readonly string[];
  readonly logger: Logger;
}

export function buildApp(parts: AppParts): Express {
  const app = express();
  app.disable('x-powered-by');
  app.use(requestLog(parts.logger));
  app.use(securityHeaders());
  app.use('/health', healthRoutes(parts));
  app.use('/v1/transcriptions', transcriptionRoutes(parts));
  app.use(ADMIN_PATH, adminRoutes(ADMIN_PATH, parts.jobs));
  app.use(notFound);
  app.use(problemHandler);
  return app;
}

/** Headers and queries are not logged, nor what errors carry: they hold secrets. */
function requestLog(logger: Logger) {
  return pinoHttp({
    logger,
    genReqId(request, response) {
      const given = request.headers['x-request-id'];
      const id = typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
      response.setHeader('x-request-id', id);
      return id;
    },
    customLogLevel: (request, response, error) => {
      if (error !== undefined || response.statusCode >= 500) return 'error';
      return request.method === 'GET' && response.statusCode < 400 ? 'debug' : 'info';
    },
    wrapSerializers: false,
    serializers: {
      err: errorToRecord,
      req: ({ id, method, url }) => ({ id, method, path: String(url).split('?', 1)[0] }),
      res: ({ statusCode }) => ({ statusCode }),
    },
  });
}

/**
 * Everything a page may load comes from here; Bull Board needs inline styles and a base. Plain
 * HTTP is not upgraded: TLS, where there is any, ends in front of this process.
 */
function securityHeaders() {
  return helmet({
    strictTransportSecurity: false,
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'self'"],
        baseUri: ["'self'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
        imgSrc: ["'self'", 'data:'],
        objectSrc: ["'none'"],
        styleSrc: ["'self'", "'unsafe-inline'"],
      },
    },
  });
}
